/** The parts of CodeMirror that the editor of blocks is made of, in one file (see static/studio/code.js). */

export { EditorView, keymap, lineNumbers, drawSelection, highlightActiveLine } from '@codemirror/view';
export { EditorState, Compartment } from '@codemirror/state';
export { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
export { bracketMatching, indentOnInput, syntaxHighlighting, HighlightStyle } from '@codemirror/language';
export { liquid } from '@codemirror/lang-liquid';
export { tags } from '@lezer/highlight';
