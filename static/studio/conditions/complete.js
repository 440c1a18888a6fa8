/** What a row still lacks, in words; nothing of one that says all. Pure. */

import { operandOf } from './operators.js';

const isNumber = value => typeof value === 'number' && Number.isFinite(value);
const isText = value => typeof value === 'string' && value !== '';

export function lacks(node) {
  switch (node.kind) {
    case 'and': case 'or': case 'not':
      return node.children.length ? '' : gettext('Add a condition to this group, or remove it.');
    case 'event':
      return lacksEvent(node) || lacksMeasure(node) || lacksWindow(node.window) || lacksMemory(node);
    case 'sequence':
      return node.steps.map((step, number) => lacksStep(step, number)).find(Boolean) || lacksWindow(node.window);
    case 'trait':
      return isText(node.trait) ? lacksValue(node) : gettext('Choose a trait.');
    case 'context':
      return isText(node.field) ? lacksValue(node) : gettext('Choose what is asked of the visit.');
    case 'segment':
      return isText(node.segment) ? '' : gettext('Choose an audience.');
    case 'cluster':
      return lacksValue(node);
    case 'score':
      return isText(node.score) ? lacksValue(node) : gettext('Choose a score.');
    case 'lookalike':
      return isText(node.lookalike) ? lacksValue(node) : gettext('Choose a lookalike.');
    default:
      return '';
  }
}

function lacksEvent(part) {
  if (!isText(part.event)) return gettext('Choose an event.');
  return (part.where ?? []).map(test => (isText(test.property) ? lacksValue(test) : gettext('Choose a property.'))).find(Boolean);
}

function lacksMeasure(node) {
  const measure = node.measure ?? 'count';
  if (measure === 'first' || measure === 'last') return lacksValue(node);
  if (measure !== 'count' && !isText(node.of)) return gettext('Choose a property.');
  if (node.value === undefined && node.op !== 'between') return '';
  return lacksValue({ op: node.op ?? 'at_least', value: node.value });
}

function lacksStep(step, number) {
  if (number && !(step.within?.amount > 0)) return gettext('Say within how long it follows.');
  return lacksEvent(step);
}

function lacksWindow(window) {
  if (!window) return '';
  if ('last' in window) return window.last > 0 ? '' : gettext('Say how long ago at most.');
  if ('from' in window || 'to' in window) return window.from || window.to ? '' : gettext('Choose a date.');
  return '';
}

function lacksMemory(node) {
  const measure = node.measure ?? 'count';
  const asksMore = (node.where ?? []).length || measure === 'distinct' || (measure === 'sum' && node.of !== 'value');
  if (node.window || !asksMore || measure === 'first' || measure === 'last') return '';
  return gettext('Details of events are remembered for a while only: choose a time, such as the last 30 days.');
}

function lacksValue({ op, value }) {
  switch (operandOf(op)) {
    case 'number': return isNumber(value) ? '' : gettext('Enter a number.');
    case 'text': return isText(value) ? '' : gettext('Enter a text.');
    case 'list': return value?.length ? '' : gettext('Add a value.');
    case 'range': return lacksRange(value);
    case 'date': return isText(value) ? '' : gettext('Choose a date.');
    case 'duration': return value?.amount > 0 ? '' : gettext('Enter a length of time.');
    case 'scalar': return value === null || value === undefined || value === '' ? gettext('Choose a value.') : '';
    default: return '';
  }
}

function lacksRange(value) {
  if (!Array.isArray(value) || value.length !== 2) return gettext('Enter both ends.');
  if (value.every(isNumber)) return value[0] <= value[1] ? '' : gettext('The lower number comes first.');
  return value.every(isText) ? '' : gettext('Enter both ends.');
}
