// On the form of a block: shows the fields that its kind has, and hides the others.
//
//   <select name="kind"> … </select> and <div class="form-row field-subject"> … </div>
const FIELDS = { subject: ["email"], text: ["email"], shape: ["json"], fallback: ["recommendation"] };

function showFields(kind) {
  for (const [name, kinds] of Object.entries(FIELDS)) {
    const row = document.querySelector(`.form-row.field-${name}`);
    // The admin's own style says of some rows how they are displayed, which counts for more than `hidden`.
    if (row) row.style.display = kinds.includes(kind) ? "" : "none";
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const choice = document.querySelector('select[name="kind"]');
  if (!choice) return;
  choice.addEventListener("change", () => showFields(choice.value));
  showFields(choice.value);
});
