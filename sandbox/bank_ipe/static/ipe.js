/* Banco Ipê: the statement's file in a window of its own, or fetched and saved by this script. */
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-way]");
  if (!button) return;
  const asked = new URLSearchParams({ conta: button.dataset.conta, inicio: button.dataset.inicio, fim: button.dataset.fim });
  if (button.dataset.way === "window") { window.open(`/modulos/extrato/arquivo?${asked}`); return; }
  const answer = await fetch("/modulos/extrato/arquivo", { method: "POST", body: asked });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = "extrato.xml";
  link.click();
});
