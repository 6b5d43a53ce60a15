# Every target calls one tool. Without make: see "Without make" in README.md.
ifeq ($(OS),Windows_NT)
PY := .venv/Scripts/python.exe
else
PY := .venv/bin/python
endif

.PHONY: book test full lab serve notebooks text lock bench clean
.DEFAULT_GOAL := book

book: .venv/ready            ## build the site into _build/html
	@$(PY) tools/book.py

test: .venv/ready            ## re-compute and compare everything
	@$(PY) tools/check.py

full: .venv/ready            ## repeat longer trainings, compare them with the recorded ones
	@$(PY) benchmarks/full.py

lab: .venv/ready             ## open the chapters in JupyterLab
	@$(PY) -m jupyterlab chapters

serve: book                  ## serve the site on this machine
	@$(PY) -m http.server --bind 127.0.0.1 --directory _build/html 8000

notebooks: .venv/ready       ## execute the notebooks that changed; CHAPTER=03, FORCE=1
	@$(PY) tools/notebooks.py run $(CHAPTER) $(if $(FORCE),--force)

text: .venv/ready            ## write the texts after work in JupyterLab; CHAPTER=03
	@$(PY) tools/notebooks.py text $(CHAPTER)

lock: .venv/ready            ## resolve the lock file anew
	@$(PY) -m uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url \
	  --python-version 3.11 --all-extras --custom-compile-command "make lock" \
	  --output-file requirements.txt pyproject.toml

bench: .venv/ready           ## divkit against its peers, as ratios
	@$(PY) benchmarks/peers.py
	@$(PY) benchmarks/vae.py

clean:                       ## remove what was built; the environment stays
	@rm -rf _build

.venv/ready: requirements.txt pyproject.toml
	@sh tools/with_python.sh tools/environment.py
