// What the pages do in the browser: the buyer's lookup, the computed energy, one press per form.
document.addEventListener("change", async (event) => {
  const field = event.target;
  if (!field.dataset || !field.dataset.lookup) return;
  const sigla = document.getElementById(field.dataset.lookup), opens = document.getElementById(field.dataset.opens);
  const note = field.form.querySelector(".lookup");
  sigla.parentElement.hidden = true; opens.disabled = true; note.hidden = true;
  const answer = await fetch(`/perfis/${encodeURIComponent(field.value.trim())}.json`);
  const found = await answer.json();
  if (!answer.ok) { note.textContent = found.erro; note.hidden = false; return; }
  sigla.value = found.sigla; sigla.parentElement.hidden = false; opens.disabled = false;
});
document.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("[data-lookup]")) if (field.value) field.dispatchEvent(new Event("change", { bubbles: true }));
  for (const field of document.querySelectorAll("[data-energy]")) {
    const show = () => {
      const mw = Number(field.value.replaceAll(".", "").replace(",", "."));
      const energy = document.getElementById(field.dataset.energy);
      energy.textContent = field.value && Number.isFinite(mw)
        ? (mw * Number(field.dataset.hours)).toLocaleString("pt-BR", { minimumFractionDigits: 3, maximumFractionDigits: 3 }) : "–";
    };
    field.addEventListener("input", show); show();
  }
});
