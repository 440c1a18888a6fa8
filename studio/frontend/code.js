/** The editor of blocks: CodeMirror's parts that it is made of, and how Liquid in HTML and JSON is coloured (see
 * static/studio/code.js, which uses it). A whole parser of HTML, CSS and JavaScript would be three times as large. */

export { Decoration, EditorView, GutterMarker, drawSelection, gutterLineClass, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
export { EditorState, RangeSet, StateEffect, StateField } from '@codemirror/state';
export { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
export { bracketMatching, indentOnInput, syntaxHighlighting, HighlightStyle, indentUnit } from '@codemirror/language';
export { search, searchKeymap } from '@codemirror/search';
export { tags } from '@lezer/highlight';

import { StreamLanguage } from '@codemirror/language';

const WORDS = /^(?:and|or|contains|in|blank|empty|nil|true|false|reversed|limit|offset)\b/;

/** Reads one token of Liquid, after `{{` or `{%`; `end` is what closes it. */
function readLiquid(stream, state) {
  if (stream.match(/^-?[%}]\}/)) {
    state.liquid = '';
    return 'processingInstruction';
  }
  if (stream.eatSpace()) return null;
  if (state.liquid === 'tag') {
    state.liquid = 'expression';
    if (stream.match(/^[a-z#]\w*/)) return 'keyword';
  }
  if (stream.match(/^"[^"]*"?/) || stream.match(/^'[^']*'?/)) return 'string';
  if (stream.match(/^-?\d+(?:\.\d+)?/)) return 'number';
  if (stream.match(/^\|\s*/)) {
    state.filter = true;
    return 'operator';
  }
  if (stream.match(/^(?:==|!=|<=|>=|<>|[<>=:,.])/)) return 'operator';
  if (stream.match(WORDS)) return 'keyword';
  if (stream.match(/^[\w-]+/)) {
    const isFilter = state.filter;
    state.filter = false;
    return isFilter ? 'labelName' : 'variableName';
  }
  stream.next();
  return null;
}

/** Whether Liquid begins here; then it is read. */
function openLiquid(stream, state) {
  const found = stream.match(/^\{[{%]-?/);
  if (!found) return false;
  if (found[0][1] === '%' && stream.match(/^\s*comment\b[^%]*%\}/)) {
    state.comment = true;
    return true;
  }
  state.liquid = found[0][1] === '%' ? 'tag' : 'expression';
  state.filter = false;
  return true;
}

function readComment(stream, state) {
  if (stream.match(/^\{%-?\s*endcomment\s*-?%\}/)) state.comment = false;
  else stream.next();
  return 'comment';
}

function skipTo(stream, stop) {
  while (!stream.eol() && !stream.match(stop, false)) stream.next();
}

function readTag(stream, state) {
  if (stream.eatSpace()) return null;
  if (stream.match(/^\/?>/)) {
    state.tag = false;
    state.raw = /^(?:style|script)$/.test(state.name) ? state.name : '';
    return 'angleBracket';
  }
  if (stream.match('=')) return 'operator';
  const quote = stream.match(/^["']/);
  if (quote) {
    state.quote = quote[0];
    return 'attributeValue';
  }
  if (stream.match(/^[^\s=>/"'{]+/)) return 'attributeName';
  stream.next();
  return null;
}

const html = {
  name: 'liquid-html',
  startState: () => ({ liquid: '', filter: false, comment: false, remark: false, tag: false, quote: '', raw: '', name: '' }),
  token(stream, state) {
    if (state.liquid) return readLiquid(stream, state);
    if (state.comment) return readComment(stream, state);
    if (openLiquid(stream, state)) return state.comment ? 'comment' : 'processingInstruction';
    if (state.remark) {
      if (stream.match('-->')) state.remark = false;
      else {
        stream.next();
        skipTo(stream, /^(?:-->|\{[{%])/);
      }
      return 'comment';
    }
    if (state.quote) {
      if (stream.eat(state.quote)) state.quote = '';
      else {
        stream.next();
        skipTo(stream, state.quote === '"' ? /^(?:"|\{[{%])/ : /^(?:'|\{[{%])/);
      }
      return 'attributeValue';
    }
    if (state.tag) return readTag(stream, state);
    if (state.raw) {
      if (stream.match(new RegExp(`^</${state.raw}`, 'i'), false)) state.raw = '';
      else {
        stream.next();
        skipTo(stream, /^(?:<\/|\{[{%])/);
        return 'propertyName';
      }
    }
    if (stream.match('<!--')) {
      state.remark = true;
      return 'comment';
    }
    if (stream.match(/^<![^>]*>?/)) return 'meta';
    const opened = stream.match(/^<\/?([a-zA-Z][\w-]*)/);
    if (opened) {
      state.tag = true;
      state.name = opened[0].startsWith('</') ? '' : opened[1].toLowerCase();
      return 'tagName';
    }
    if (stream.match(/^&[#\w]+;/)) return 'character';
    stream.next();
    skipTo(stream, /^(?:[<&]|\{[{%])/);
    return null;
  },
  languageData: { commentTokens: { block: { open: '<!--', close: '-->' } }, closeBrackets: { brackets: ['{', '"', "'", '('] } },
};

const json = {
  name: 'liquid-json',
  startState: () => ({ liquid: '', filter: false, comment: false, inside: false }),
  token(stream, state) {
    if (state.liquid) return readLiquid(stream, state);
    if (state.inside) {
      if (openLiquid(stream, state)) return 'processingInstruction';
      if (stream.match(/^\\./)) return 'character';
      if (stream.eat('"')) state.inside = false;
      else {
        stream.next();
        skipTo(stream, /^(?:["\\]|\{[{%])/);
      }
      return 'string';
    }
    if (stream.eatSpace()) return null;
    if (stream.match(/^"(?:[^"\\{]|\\.)*"(?=\s*:)/)) return 'propertyName';
    if (stream.eat('"')) {
      state.inside = true;
      return 'string';
    }
    if (stream.match(/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/)) return 'number';
    if (stream.match(/^(?:true|false|null)\b/)) return 'keyword';
    stream.next();
    return 'punctuation';
  },
  languageData: { closeBrackets: { brackets: ['{', '[', '"'] } },
};

export const languages = { liquid: StreamLanguage.define(html), json: StreamLanguage.define(json) };
