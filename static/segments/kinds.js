// On the form of a new segment: shows the fields that its kind has, and hides the others.
//
//   <div class="form-row field-as_of"> … </div>, and what has data-kinds="snapshot condition"
const FIELDS = { as_of: ["snapshot"], condition: ["condition", "snapshot", "cluster", "lookalike"] };

function showFields(kind) {
  for (const [name, kinds] of Object.entries(FIELDS)) {
    const row = document.querySelector(`.form-row.field-${name}`);
    if (row) row.hidden = !kinds.includes(kind);
  }
  for (const part of document.querySelectorAll("[data-kinds]")) {
    part.hidden = !part.dataset.kinds.split(" ").includes(kind);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const choices = document.querySelectorAll('input[type="radio"][name="kind"]');
  const show = () => showFields([...choices].find((choice) => choice.checked)?.value ?? "condition");
  for (const choice of choices) choice.addEventListener("change", show);
  if (choices.length) show();
});
