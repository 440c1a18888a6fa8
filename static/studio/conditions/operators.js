/** Operators by what they compare, what each is called, and what it compares with. Pure. */

export const VALUE = {
  text: ['is', 'is_not', 'in', 'contains', 'starts_with', 'exists'],
  number: ['is', 'is_not', 'in', 'at_least', 'at_most', 'more_than', 'less_than', 'between', 'exists'],
  flag: ['is', 'exists'],
  date: ['before', 'after', 'between', 'within_last', 'longer_ago_than', 'within_next', 'anniversary', 'exists'],
};
export const ALL = [...new Set(Object.values(VALUE).flat())];
export const NUMBER = ['at_least', 'at_most', 'exactly', 'more_than', 'less_than', 'between'];
export const TIME = ['before', 'after', 'between', 'within_last', 'longer_ago_than'];
export const CLUSTER = ['is', 'is_not', 'in', 'exists'];
export const SCORE = ['at_least', 'at_most', 'more_than', 'less_than', 'between', 'exists'];
export const UNITS = ['minutes', 'hours', 'days'];

const OPERANDS = {
  is: 'scalar', is_not: 'scalar', in: 'list', contains: 'text', starts_with: 'text', exists: 'nothing',
  at_least: 'number', at_most: 'number', exactly: 'number', more_than: 'number', less_than: 'number', between: 'range',
  before: 'date', after: 'date', within_last: 'duration', longer_ago_than: 'duration', within_next: 'duration',
  anniversary: 'anniversary',
};

export const operandOf = op => OPERANDS[op] ?? 'scalar';

export const nameOf = op => ({
  is: gettext('is'), is_not: gettext('is not'), in: gettext('is one of'), contains: gettext('contains'),
  starts_with: gettext('starts with'), exists: gettext('is known'), at_least: gettext('at least'),
  at_most: gettext('at most'), exactly: gettext('exactly'), more_than: gettext('more than'),
  less_than: gettext('less than'), between: gettext('between'), before: gettext('before'), after: gettext('after'),
  within_last: gettext('within the last'), longer_ago_than: gettext('longer ago than'),
  within_next: gettext('within the next'), anniversary: gettext('has its anniversary'),
}[op] ?? op);

const isDate = value => typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value);

/** Of which type a value is, as far as one can see. */
export function typeOf(value) {
  if (Array.isArray(value)) return typeOf(value[0]);
  if (typeof value === 'number') return 'number';
  if (typeof value === 'boolean') return 'flag';
  return isDate(value) ? 'date' : 'text';
}

/** The operators that suit a type, and those that do not but may be asked. Without a type, as the value has it. */
export function suiting(type, op) {
  const first = VALUE[type] ?? VALUE.text;
  const others = ALL.filter(each => !first.includes(each));
  return { first, others: op && !ALL.includes(op) ? [op, ...others] : others };
}

/** What stands there when an operator is chosen: what was there if it fits, else something to begin with. */
export function startValue(op, before, type) {
  const one = Array.isArray(before) ? before[0] : before;
  switch (operandOf(op)) {
    case 'nothing': return undefined;
    case 'number': return typeof one === 'number' ? one : null;
    case 'text': return typeof one === 'string' ? one : '';
    case 'list': return Array.isArray(before) ? before : isScalar(one) && one !== '' ? [one] : [];
    case 'range': {
      if (Array.isArray(before) && before.length === 2) return before;
      return type === 'date' || isDate(one) ? [isDate(one) ? one : '', ''] : [typeof one === 'number' ? one : null, null];
    }
    case 'date': return isDate(one) ? one : '';
    case 'duration': return before?.unit ? before : { amount: 30, unit: 'days' };
    case 'anniversary': return typeof one === 'number' && one >= 0 && one <= 365 ? Math.round(one) : 0;
    default: return isScalar(one) && fits(one, type) ? one : { number: null, flag: true }[type] ?? '';
  }
}

const isScalar = value => ['string', 'number', 'boolean'].includes(typeof value);
const fits = (value, type) => !type || type === 'date' || { text: 'string', number: 'number', flag: 'boolean' }[type] === typeof value;
