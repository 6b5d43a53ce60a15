#!/bin/sh
# Run a script with the first Python that is new enough, or say in one line what to do.
for python in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
  found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
  case $found in
    3.11 | 3.12 | 3.13) exec "$python" "$@" ;;
    *) seen="$seen $found" ;;
  esac
done
echo "Python 3.11, 3.12 or 3.13 is needed, and ${seen:+only}${seen:-none} was found:" \
  "install one from python.org or your system's packages, or name it: make PYTHON=/path/to/python3.12" >&2
exit 1
