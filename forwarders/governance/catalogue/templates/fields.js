(() => {
  const box = document.getElementById("q");
  const said = document.getElementById("said");
  const nothing = document.getElementById("nothing");
  const rows = Array.from(document.querySelectorAll("#fields tbody tr"), (row) => [row.cells[0].textContent.trim().toLowerCase(), row]);

  function search() {
    const terms = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [name, row] of rows) {
      row.hidden = !terms.every((term) => name.includes(term));
      shown += !row.hidden;
    }
    nothing.hidden = shown > 0;
    said.textContent = terms.length ? `${shown} of ${rows.length} names` : `${rows.length} names`;
  }

  box.form.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.value = "";
    search();
    box.focus();
  });
  search();
})();
