// Says of a large file before it is sent, and while it is on its way, what happens.
//
//   <form data-upload data-most="200000000"> <input type="file"> … <p data-progress hidden> … </p> </form>
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const file = form.querySelector('input[type="file"]');
  const most = Number(form.dataset.most);
  file.addEventListener("change", () => {
    const size = file.files[0]?.size ?? 0;
    const number = (value) => value.toLocaleString("en");
    const said = `The file has ${number(size)} bytes, and ${number(most)} are taken; pack it with gzip, or upload it in parts.`;
    file.setCustomValidity(size > most ? said : "");
    file.reportValidity();
  });
  form.addEventListener("submit", () => {
    form.querySelector("[data-progress]").hidden = false;
    for (const button of form.querySelectorAll('[type="submit"]')) button.disabled = true;
  });
  // Back from the page that follows, the form can be sent again.
  addEventListener("pageshow", () => {
    form.querySelector("[data-progress]").hidden = true;
    for (const button of form.querySelectorAll('[type="submit"]')) button.disabled = false;
  });
});
