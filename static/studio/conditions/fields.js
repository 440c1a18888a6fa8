/**
 * The fields of a row. Each belongs to a part of the tree, `{ id, data, edit(change, typing) }`: `edit` puts what
 * `change` makes of the data in its place; while one types in a field of the name `typing`, nothing is drawn anew.
 */

import { among, combobox } from './combobox.js';
import { h, icon } from './dom.js';
import { UNITS, nameOf, operandOf, startValue, suiting, typeOf } from './operators.js';
import { weekdays } from './kinds.js';
import { LIMITS } from './tree.js';

export const set = (part, key, value, typing) => part.edit(data => {
  const next = { ...data, [key]: value };
  if (value === undefined) delete next[key];
  return next;
}, typing);

/** Hands over what is new: a field that is touched, but says what it said, changes nothing. */
function news(value, tell) {
  let last = value;
  return next => {
    if (Object.is(next, last)) return;
    last = next;
    tell(next);
  };
}

/** `choices` are [value, label], or { label, choices } for a group of them. */
export function select(id, label, value, choices, onPick, className = '') {
  const tell = news(String(value ?? ''), onPick);
  const isKnown = choices.some(each => (each.choices ?? [each]).some(([one]) => String(one) === String(value)));
  if (!isKnown) choices = [[value ?? '', String(value ?? '–')], ...choices]; // what stands there stays, known or not
  const option = ([each, said]) => h('option', { value: each, selected: String(each) === String(value) }, said);
  return h(
    'select',
    { id, class: `select select-sm condition-select ${className}`, 'aria-label': label, onchange: event => tell(event.target.value) },
    choices.filter(each => Array.isArray(each) || each.choices.length).map(each => (Array.isArray(each) ? option(each) : h('optgroup', { label: each.label }, each.choices.map(option)))),
  );
}

/** A text field, since those for numbers tell nobody where their caret is, and it would be lost when a row is drawn anew. */
export function number(id, label, value, onType) {
  const tell = news(value ?? null, onType);
  const read = event => {
    const typed = event.target.value.trim().replace(',', '.');
    tell(typed === '' || !Number.isFinite(Number(typed)) ? null : Number(typed));
  };
  return h('input', { id, type: 'text', inputmode: 'decimal', autocomplete: 'off', class: 'input input-sm condition-number', 'aria-label': label, value: value ?? '', oninput: read });
}

const DAY = /^\d{4}-\d\d-\d\d$/;

/** A day; or a moment, as the language writes it. */
export function date(id, label, value, onType, onSwitch) {
  const isMoment = typeof value === 'string' && value !== '' && !DAY.test(value);
  const tell = news(value ?? '', onType);
  const field = isMoment
    ? h('input', { id, type: 'text', class: 'input input-sm w-56', 'aria-label': label, value, autocomplete: 'off', oninput: event => tell(event.target.value) })
    : h('input', { id, type: 'date', class: 'input input-sm w-40', 'aria-label': label, value: value ?? '', oninput: event => tell(event.target.value) });
  const said = isMoment ? gettext('Whole day') : gettext('Exact time');
  const turn = () => onSwitch(isMoment ? value.slice(0, 10) : `${value || new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  return [field, h('button', { type: 'button', id: `${id}-switch`, class: 'btn btn-ghost btn-xs btn-square', 'aria-label': said, title: said, onclick: turn }, icon(isMoment ? 'calendar' : 'clock'))];
}

const units = () => UNITS.map(each => [each, { minutes: gettext('minutes'), hours: gettext('hours'), days: gettext('days') }[each]]);

/** A length of time of `data[amountKey]` and `data.unit`. */
export function duration(part, label, amountKey = 'amount') {
  return [
    number(`${part.id}-amount`, label, part.data[amountKey], value => set(part, amountKey, value, amountKey)),
    select(`${part.id}-unit`, gettext('unit'), part.data.unit, units(), value => set(part, 'unit', value)),
  ];
}

export const inner = (part, key) => ({
  id: `${part.id}-${key}`,
  data: part.data[key],
  edit: (change, typing) => part.edit(data => ({ ...data, [key]: change(data[key]) }), typing && `${key}-${typing}`),
});

export function operator(part, operators, type, otherwise) {
  const op = part.data.op ?? otherwise;
  const { first, others } = operators ? { first: operators, others: [] } : suiting(type ?? typeOf(part.data.value), op);
  const choice = each => [each, nameOf(each)];
  const pick = next => part.edit(data => {
    const value = startValue(next, data.value, type);
    const changed = { ...data, op: next, value };
    if (value === undefined) delete changed.value;
    return changed;
  });
  return select(`${part.id}-op`, gettext('how it compares'), op, [...first.map(choice), { label: gettext('Other'), choices: others.map(choice) }], pick);
}

/** What an operator compares with. `offer` gives values to choose from, as `{ value, label, hint }`. */
export function operand(part, { type, otherwise, offer = async () => [], isWeekday = false }) {
  const { data } = part;
  const id = `${part.id}-value`;
  const label = gettext('value');
  const type_ = value => set(part, 'value', value, 'value');
  const turn = value => set(part, 'value', value);
  switch (operandOf(data.op ?? otherwise)) {
    case 'nothing': return [];
    case 'number': return [isWeekday ? weekday(id, data.value, turn) : number(id, label, data.value, type_)];
    case 'text': return [valueBox(id, label, data.value ?? '', offer, type_)];
    case 'list': return list(part, id, type, isWeekday ? async () => weekdays().map((said, at) => ({ value: at + 1, label: said })) : offer, isWeekday);
    case 'range': return range(part, id);
    case 'date': return date(id, label, data.value, type_, turn);
    case 'duration': return data.value && typeof data.value === 'object' ? duration(inner(part, 'value'), gettext('length of time')) : [];
    case 'anniversary': return [h('span', {}, gettext('today or in the next')), number(id, gettext('days ahead'), data.value ?? 0, type_), h('span', {}, gettext('days'))];
    default: return isWeekday ? [weekday(id, data.value, turn)] : scalar(part, id, label, type, offer, type_, turn);
  }
}

const weekday = (id, value, onPick) =>
  select(id, gettext('day of the week'), value ?? '', [['', '–'], ...weekdays().map((said, at) => [at + 1, said])], each => onPick(each ? Number(each) : null));

function range(part, id) {
  const ends = Array.isArray(part.data.value) ? part.data.value : [null, null];
  const put = (at, typing) => value => part.edit(data => ({ ...data, value: (data.value ?? [null, null]).with(at, value) }), typing);
  const isDates = ends.some(each => typeof each === 'string');
  const field = (at, label) => (isDates ? date(`${id}-${at}`, label, ends[at], put(at, `value-${at}`), put(at)) : number(`${id}-${at}`, label, ends[at], put(at, `value-${at}`)));
  return [field(0, gettext('from')), h('span', {}, gettext('and')), field(1, gettext('to'))].flat();
}

const valueBox = (id, label, value, offer, onPick) =>
  combobox({ id, label, value, shown: value, free: true, live: true, options: async typed => among(await offer())(typed === value ? '' : typed), onPick: picked => onPick(picked), placeholder: gettext('value') });

/** A text, a number, yes or no. Which of them it is, follows from what it is compared with, or is chosen. */
function scalar(part, id, label, type, offer, onType, onTurn) {
  const { value } = part.data;
  const is = value === null ? type ?? 'number' : typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'flag' : 'text';
  const fields = [];
  if (is === 'number') fields.push(number(id, label, value, onType));
  else if (is === 'flag') fields.push(select(id, label, String(value), [['true', gettext('yes')], ['false', gettext('no')]], picked => onTurn(picked === 'true')));
  else fields.push(valueBox(id, label, value ?? '', offer, picked => (typeof picked === 'string' ? onType(picked) : onTurn(picked))));
  const expected = type === 'date' ? 'text' : type;
  if (expected === is) return fields;
  const start = { text: '', number: null, flag: true };
  const kinds = [['text', gettext('text')], ['number', gettext('number')], ['flag', gettext('yes or no')]];
  return [...fields, select(`${id}-type`, gettext('type of the value'), is, kinds, picked => onTurn(start[picked]), 'condition-type')];
}

const tell = value => (value === true ? gettext('yes') : value === false ? gettext('no') : String(value));

function list(part, id, type, offer, isWeekday) {
  const values = Array.isArray(part.data.value) ? part.data.value : [];
  const said = value => (isWeekday ? weekdays()[value - 1] ?? String(value) : value === '' ? gettext('(empty)') : tell(value));
  const change = next => set(part, 'value', next);
  const asTyped = typed => (type === 'number' && typed.trim() !== '' && Number.isFinite(Number(typed)) ? Number(typed) : typed);
  const add = (value, option) => {
    const next = option ? value : asTyped(value);
    if (value !== '' && !values.includes(next) && values.length < LIMITS.list) change([...values, next]);
  };
  return [
    ...values.map((value, at) => h('span', { class: 'tag condition-token' }, said(value), h('button', {
      type: 'button', id: `${id}-drop-${at}`, class: 'btn btn-ghost btn-xs btn-square', 'aria-label': interpolate(gettext('Remove %s'), [said(value)]),
      onclick: () => change(values.toSpliced(at, 1)),
    }, icon('x')))),
    combobox({ id, label: gettext('add a value'), free: !isWeekday, keepOpen: true, placeholder: gettext('add a value'), options: async typed => among((await offer()).filter(each => !values.includes(each.value)))(typed), onPick: add, size: 'condition-add' }),
  ];
}
