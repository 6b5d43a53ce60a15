// Show the records that fit the three choices, and how many there are.
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
  for (const section of document.querySelectorAll("section:has(dt.record)"))
    if (!section.querySelector("section > h1")) section.hidden = !section.querySelector("dt.record:not([hidden])");
  form.querySelector("output").textContent = `${shown} statements`;
};
addEventListener("DOMContentLoaded", () => {
  form.hidden = false;
  form.addEventListener("change", show);
  show();
});
