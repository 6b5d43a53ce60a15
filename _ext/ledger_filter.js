// Show the records that fit the three choices, and how many there are.
{
  const form = document.getElementById("ledger-filter");
  const show = () => {
    const { source, chapter, verdict } = Object.fromEntries(new FormData(form));
    let shown = 0;
    for (const term of document.querySelectorAll("dt.record")) {
      const fits = (!source || term.classList.contains(source))
        && (!verdict || term.classList.contains(verdict))
        && (!chapter || term.closest(`#${chapter}`));
      term.hidden = term.nextElementSibling.hidden = !fits;
      shown += Boolean(fits);
    }
    for (const section of document.querySelectorAll("section section:has(dt.record)"))
      section.hidden = !section.querySelector("dt.record:not([hidden])");
    form.querySelector("output").textContent = `Statements: ${shown}`;
  };
  addEventListener("DOMContentLoaded", () => {
    form.hidden = false;
    form.addEventListener("change", show);
    show();
  });
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target?.closest("[hidden]")) return;
    form.reset();
    show();
    target.scrollIntoView();
  });
}
