/**
 * Turns a text area into an editor of Liquid or JSON: colours, line numbers, search, marks at what is wrong. The text
 * area stays behind it and is what the form sends.
 *
 *   <textarea data-code="liquid" id="id_source">   <label for="id_source">
 *   <ul data-problems="source">
 *
 * It lives in a shadow root: there CodeMirror's styles are constructed style sheets, which the content security policy
 * has nothing against.
 */

import {
  Decoration, EditorState, EditorView, GutterMarker, HighlightStyle, RangeSet, StateEffect, StateField, bracketMatching,
  defaultKeymap, drawSelection, gutterLineClass, highlightActiveLine, history, historyKeymap, indentOnInput,
  indentWithTab, keymap, languages, lineNumbers, search, searchKeymap, syntaxHighlighting, tags,
} from './vendor/code.js';

const editors = new Map(); // by the name of the field

const look = EditorView.theme({
  '&': { fontSize: '0.88rem', color: 'var(--color-base-content)', backgroundColor: 'var(--color-base-100)', border: '1px solid color-mix(in oklab, var(--color-base-content) 50%, transparent)', borderRadius: '0.5rem' },
  '&.cm-focused': { outline: '2px solid var(--color-primary)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'ui-monospace, "Cascadia Code", Menlo, Consolas, monospace', lineHeight: '1.55', borderRadius: '0.5rem' },
  '.cm-content': { caretColor: 'var(--color-base-content)', padding: '0.5rem 0' },
  '.cm-gutters': { backgroundColor: 'var(--color-base-200)', color: 'color-mix(in oklab, var(--color-base-content) 72%, var(--color-base-200))', border: '0' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in oklab, var(--color-primary) 6%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--color-base-content)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in oklab, var(--color-primary) 28%, transparent) !important' },
  '.cm-wrong': { textDecoration: 'underline wavy var(--color-error)', textDecorationSkipInk: 'none' },
  '.cm-gutterElement.cm-wrong-line': { backgroundColor: 'var(--color-error)', color: 'var(--color-error-content)', textDecoration: 'none' },
  '.cm-panels': { backgroundColor: 'var(--color-base-200)', color: 'var(--color-base-content)', borderColor: 'var(--color-base-300)' },
  '.cm-textfield': { backgroundColor: 'var(--color-base-100)', color: 'inherit', border: '1px solid var(--color-base-300)', borderRadius: '0.3rem', fontSize: 'inherit' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--color-base-100)', color: 'inherit', border: '1px solid var(--color-base-300)', borderRadius: '0.3rem', fontSize: 'inherit' },
  '.cm-searchMatch': { backgroundColor: 'color-mix(in oklab, var(--color-warning) 45%, transparent)' },
});
const colours = HighlightStyle.define([
  { tag: [tags.processingInstruction, tags.keyword], color: 'var(--color-secondary)', fontWeight: '600' },
  { tag: [tags.variableName], color: 'var(--color-secondary)' },
  { tag: [tags.labelName], color: 'var(--color-accent)' },
  { tag: [tags.tagName, tags.angleBracket, tags.propertyName], color: 'var(--color-primary)' },
  { tag: [tags.attributeName], color: 'var(--color-info)' },
  { tag: [tags.string, tags.attributeValue, tags.number, tags.character], color: 'var(--color-success)' },
  { tag: [tags.comment, tags.meta], color: 'color-mix(in oklab, var(--color-base-content) 72%, transparent)', fontStyle: 'italic' },
]);

const setWrong = StateEffect.define();
class WrongLine extends GutterMarker {
  elementClass = 'cm-wrong-line';
}
const wrongLine = new WrongLine();

/** The places that are wrong: they move with what is typed, until the server has looked again. */
const wrong = StateField.define({
  create: () => ({ marks: Decoration.none, lines: RangeSet.empty }),
  update(value, change) {
    let { marks, lines } = { marks: value.marks.map(change.changes), lines: value.lines.map(change.changes) };
    for (const effect of change.effects) if (effect.is(setWrong)) ({ marks, lines } = place(change.state.doc, effect.value));
    return { marks, lines };
  },
  provide: field => [
    EditorView.decorations.from(field, value => value.marks),
    gutterLineClass.from(field, value => value.lines),
  ],
});

function place(doc, problems) {
  const marks = [];
  const lines = new Map();
  for (const { line, column, message } of problems) {
    if (!line || line > doc.lines) continue;
    const found = doc.line(line);
    const rest = found.text.slice(Math.max(0, (column ?? 1) - 1));
    const from = rest ? found.to - rest.length : found.from;
    const length = /^\S*?[^\s}%"'|]*/.exec(rest)[0].length;
    const to = Math.min(found.to, from + Math.max(1, length));
    if (to > from) marks.push(Decoration.mark({ class: 'cm-wrong', attributes: { title: message } }).range(from, to));
    lines.set(found.from, wrongLine.range(found.from));
  }
  return { marks: Decoration.set(marks, true), lines: RangeSet.of([...lines.values()], true) };
}

/** Typing over a selection, which the browser would do by writing the style of what was there into an attribute: the
 * content security policy has something against that. */
function typeOver(event, view) {
  const { selection, readOnly } = view.state;
  if (event.inputType !== 'insertText' || !event.data || selection.main.empty || readOnly || view.composing) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
  return true;
}

function mount(area) {
  const host = document.createElement('div');
  host.className = 'cm-editor'; // what shortcuts.js knows as a place where one types
  host.dataset.editor = area.name;
  area.after(host);
  const root = host.attachShadow({ mode: 'open' });
  const label = document.querySelector(`label[for="${area.id}"]`);
  const isReadOnly = area.readOnly || !area.form?.querySelector('button');
  const view = new EditorView({
    root,
    parent: root,
    doc: area.value,
    extensions: [
      lineNumbers(),
      history(),
      drawSelection(),
      highlightActiveLine(),
      indentOnInput(),
      bracketMatching(),
      search({ top: true }),
      EditorView.lineWrapping,
      EditorState.readOnly.of(isReadOnly),
      languages[area.dataset.code] ?? languages.liquid,
      syntaxHighlighting(colours),
      look,
      EditorView.theme({ '.cm-content, .cm-gutter': { minHeight: `${Number(area.rows) * 1.36}rem` } }),
      wrong,
      EditorView.domEventHandlers({ beforeinput: typeOver }),
      keymap.of([indentWithTab, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.contentAttributes.of({
        'aria-label': label?.firstChild.textContent.trim() ?? area.name,
        spellcheck: 'false',
        autocapitalize: 'off',
      }),
      EditorView.updateListener.of(update => {
        if (!update.docChanged) return;
        area.value = update.state.doc.toString();
        area.dispatchEvent(new Event('input', { bubbles: true }));
      }),
    ],
  });
  area.hidden = true;
  area.required = false; // what is hidden cannot be said to be missing; the server says it
  label?.addEventListener('click', () => view.focus());
  editors.set(area.name, view);
}

/** Puts text where the cursor is, and the cursor behind it, in the editor or in a plain field. */
export function insert(name, text) {
  const view = editors.get(name);
  if (view) {
    view.dispatch(view.state.replaceSelection(text));
    view.focus();
    return;
  }
  const field = document.querySelector(`#block-form [name="${name}"]`);
  field.setRangeText(text, field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

/** What stands left of the cursor, so that a merge tag can be written in the form that fits there. */
export function textBefore(name) {
  const view = editors.get(name);
  if (view) return view.state.sliceDoc(0, view.state.selection.main.from);
  const field = document.querySelector(`#block-form [name="${name}"]`);
  return field.value.slice(0, field.selectionStart ?? field.value.length);
}

function goTo(name, line, column) {
  const view = editors.get(name);
  if (!view) return document.querySelector(`#block-form [name="${name}"]`)?.focus();
  const found = view.state.doc.line(Math.min(line ?? 1, view.state.doc.lines));
  const at = Math.min(found.to, found.from + (column ?? 1) - 1);
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
  view.focus();
}

/** Marks problems at their lines, and lists them under their fields: each leads to its place. */
export function tell(problems) {
  for (const [name, view] of editors) {
    view.dispatch({ effects: setWrong.of(problems.filter(each => each.field === name)) });
  }
  const lists = [...document.querySelectorAll('[data-problems]')];
  for (const list of lists) {
    const theirs = problems.filter(each => each.field === list.dataset.problems
      || (list.dataset.problems === 'source' && !lists.some(one => one.dataset.problems === each.field)));
    const said = JSON.stringify(theirs);
    if (list.dataset.said === said) continue; // what is said already is not read out again
    list.dataset.said = said;
    list.replaceChildren(...theirs.map(say));
  }
}

function say(problem) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'text-left text-error hover:underline cursor-pointer';
  const where = problem.line && editors.has(problem.field)
    ? interpolate(gettext('Line %(line)s: '), { line: problem.line }, true) : '';
  button.textContent = where + problem.message;
  button.addEventListener('click', () => goTo(problem.field, problem.line, problem.column));
  item.append(button);
  return item;
}

for (const area of document.querySelectorAll('[data-code]')) mount(area);
