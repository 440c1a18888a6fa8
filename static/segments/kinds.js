// On the form of a new segment: shows the fields that its kind has, and hides the others.
//
//   <div class="form-row field-as_of"> … </div>, and what has data-kinds="snapshot condition"
const FIELDS = { as_of: ["snapshot"], condition: ["condition", "snapshot", "cluster", "lookalike"] };

// The admin's own style says of some rows how they are displayed, which counts for more than `hidden`.
function show(element, isShown) {
  element.style.display = isShown ? "" : "none";
}

function showFields(kind) {
  for (const [name, kinds] of Object.entries(FIELDS)) {
    const row = document.querySelector(`.form-row.field-${name}`);
    if (row) show(row, kinds.includes(kind));
  }
  for (const part of document.querySelectorAll("[data-kinds]")) {
    show(part, part.dataset.kinds.split(" ").includes(kind));
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const choices = document.querySelectorAll('input[type="radio"][name="kind"]');
  const update = () => showFields([...choices].find((choice) => choice.checked)?.value ?? "condition");
  for (const choice of choices) choice.addEventListener("change", update);
  if (choices.length) update();
});
