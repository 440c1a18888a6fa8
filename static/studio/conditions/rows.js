/** Draws one row of a condition: a sentence with fields in it, what it lacks, how many people it is true of. */

import { among, combobox } from './combobox.js';
import { button, h, icon } from './dom.js';
import { date, duration, inner, number, operand, operator, select, set } from './fields.js';
import { FIELD_VALUES, contextFields } from './kinds.js';
import { CLUSTER, NUMBER, SCORE, TIME } from './operators.js';
import { LIMITS } from './tree.js';

const chip = (kind, said) => h('span', { class: `tag condition-chip condition-${kind}` }, said);
const plain = said => h('span', { class: 'condition-plain' }, said);
const line = (...parts) => h('div', { class: 'condition-line' }, ...parts);

/** The sentence of a leaf, as lines. */
export function sentence(ui, node) {
  const part = ui.partOf(node);
  return { event, sequence, trait, context, segment, cluster, score, lookalike }[node.kind](ui, part);
}

function did(part, kind) {
  const pick = value => set(part, 'did', value === 'true' ? undefined : false);
  return select(`${part.id}-did`, gettext('did or did not'), part.data.did !== false, [[true, gettext('Did')], [false, gettext('Did not')]], pick, `condition-chip condition-${kind}`);
}

const eventBox = (ui, part, forget) => combobox({
  id: `${part.id}-event`, label: gettext('event'), value: part.data.event ?? '', shown: ui.nameOfEvent(part.data.event ?? ''), free: true, placeholder: gettext('what they did'), className: 'condition-wide',
  options: ui.facts.offer(facts => facts.known.events), onPick: value => part.edit(data => forget({ ...data, event: value })),
});

const propertyBox = (ui, part, event, key) => combobox({
  id: `${part.id}-${key}`, label: gettext('property'), value: part.data[key] ?? '', free: true, placeholder: gettext('property'),
  next: key === 'property' ? `${part.id}-value` : '', options: ui.facts.offer(facts => facts.propertiesOf(event)), onPick: value => part.edit(data => fitType({ ...data, [key]: value }, ui.facts.typeOfProperty(event, value))),
});

/** A value that was not chosen yet is one of the type of what it is compared with. */
function fitType(data, type) {
  const isOpen = data.value === '' || data.value === null;
  if (!isOpen || !['is', 'is_not'].includes(data.op)) return data;
  return { ...data, value: { number: null, flag: true }[type] ?? '' };
}

function event(ui, part) {
  const { data } = part;
  const measure = data.measure ?? 'count';
  const isTime = measure === 'first' || measure === 'last';
  const measures = [['count', ngettext('time', 'times', data.value ?? 1)], ['sum', gettext('in total of')], ['distinct', gettext('different values of')], ['first', gettext('for the first time')], ['last', gettext('for the last time')]];
  const choose = select(`${part.id}-measure`, gettext('what is measured'), measure, measures, value => part.edit(old => measured(old, value)));
  const what = [did(part, 'event'), eventBox(ui, part, same => same)];
  if (isTime) return [line(...what, choose, operator(part, TIME), operand(part, { type: 'date' }))];
  return withTests(
    ui, part, data.event,
    line(
      ...what, operator(part, NUMBER, 'number', 'at_least'), operand({ ...part, data: { ...data, value: data.value === undefined ? 1 : data.value } }, { otherwise: 'at_least' }), choose,
      measure !== 'count' && propertyBox(ui, part, data.event, 'of'), windowOf(part, true),
    ),
  );
}

/** The same row with another measure: what the new one does not know is left out. */
function measured(old, measure) {
  const { of, where, window, op, value, ...rest } = old;
  if (measure === 'first' || measure === 'last') {
    const fits = TIME.includes(op) && typeof value !== 'number' && !(Array.isArray(value) && typeof value[0] === 'number');
    return { ...rest, measure, ...(fits ? { op, value } : { op: 'within_last', value: { amount: 30, unit: 'days' } }) };
  }
  const fits = typeof value === 'number' || value === undefined || (Array.isArray(value) && typeof value[0] === 'number');
  const next = { ...rest, ...(fits ? { op: op ?? 'at_least', value: value ?? 1 } : { op: 'at_least', value: 1 }) };
  if (measure === 'count') delete next.measure;
  else next.measure = measure;
  if (measure === 'sum') next.of = of || 'value';
  if (measure === 'distinct') next.of = of === 'value' ? '' : of ?? '';
  if (where?.length) next.where = where;
  next.window = window === undefined && (old.measure === 'first' || old.measure === 'last') ? { last: 30, unit: 'days' } : window ?? null;
  return next;
}

function windowOf(part, canBeEver) {
  const { window } = part.data;
  const kind = !window ? 'ever' : 'this' in window ? window.this : 'last' in window ? 'last' : 'dates';
  const starts = {
    last: { last: 30, unit: 'days' }, day: { this: 'day' }, week: { this: 'week' }, month: { this: 'month' },
    dates: { from: new Date().toISOString().slice(0, 10) }, ever: null,
  };
  const kinds = [
    ['last', gettext('in the last')], ['day', gettext('today')], ['week', gettext('this week')], ['month', gettext('this month')],
    ['dates', gettext('between dates')], ...(canBeEver || kind === 'ever' ? [['ever', gettext('at any time')]] : []),
  ];
  const fields = [select(`${part.id}-when`, gettext('when'), kind, kinds, value => set(part, 'window', starts[value]))];
  const inside = window && inner(part, 'window');
  if (kind === 'last') fields.push(...duration(inside, gettext('how long ago at most'), 'last'));
  if (kind === 'dates') {
    const end = (key, label) => date(`${inside.id}-${key}`, label, window[key], value => set(inside, key, value || undefined, key), value => set(inside, key, value));
    fields.push(...end('from', gettext('from')), plain(gettext('to')), ...end('to', gettext('to')));
  }
  return fields;
}

/** The tests of an event's properties, each on a line of its own, below the `first` line; a further one is added at the
 *  end of the last. */
function withTests(ui, part, event, first) {
  const where = part.data.where ?? [];
  const edit = (at, change, typing) => part.edit(data => ({ ...data, where: data.where.with(at, change(data.where[at])) }), typing && `where-${at}-${typing}`);
  const lines = where.map((test, at) => {
    const own = { id: `${part.id}-where${at}`, data: test, edit: (change, typing) => edit(at, change, typing) };
    const type = ui.facts.typeOfProperty(event, test.property);
    const drop = () => {
      part.edit(({ where: all, ...data }) => (all.length > 1 ? { ...data, where: all.toSpliced(at, 1) } : data));
      ui.focus(`${part.id}-add-where`);
    };
    const said = line(plain(at ? gettext('and') : gettext('where')), propertyBox(ui, own, event, 'property'), operator(own, null, type),
      operand(own, { type, offer: () => ui.offer({ event, property: test.property }) }), button(gettext('Remove this test'), 'x', drop, { id: `${own.id}-drop`, class: 'btn btn-ghost btn-xs btn-square condition-edit' }));
    said.classList.add('condition-test');
    return said;
  });
  if (where.length < LIMITS.tests) {
    const add = () => {
      part.edit(data => ({ ...data, where: [...(data.where ?? []), { property: '', op: 'is', value: '' }] }));
      ui.focus(`${part.id}-where${where.length}-property`);
    };
    const label = where.length ? gettext('and…') : gettext('where…');
    (lines.at(-1) ?? first).append(h('button', { type: 'button', id: `${part.id}-add-where`, class: 'btn btn-ghost btn-xs condition-edit', onclick: add }, icon('plus'), label));
  }
  return [first, ...lines];
}

function sequence(ui, part) {
  const { steps } = part.data;
  const editStep = (at, change, typing) => part.edit(data => ({ ...data, steps: data.steps.with(at, change(data.steps[at])) }), typing && `step${at}-${typing}`);
  const lines = steps.flatMap((step, at) => {
    const own = { id: `${part.id}-step${at}`, data: step, edit: (change, typing) => editStep(at, change, typing) };
    const box = eventBox(ui, own, same => same);
    if (!at) return withTests(ui, own, step.event, line(did(part, 'event'), box, windowOf(part, false)));
    const then = at === steps.length - 1
      ? select(`${own.id}-did`, gettext('then did or did not'), step.did !== false, [[true, gettext('then did')], [false, gettext('then did not')]], value => set(own, 'did', value === 'true' ? undefined : false))
      : plain(gettext('then did'));
    const drop = () => part.edit(data => ({ ...data, steps: data.steps.toSpliced(at, 1) }));
    const within = inner({ ...own, data: { ...step, within: step.within ?? { amount: null, unit: 'days' } } }, 'within');
    return withTests(
      ui, own, step.event,
      line(then, box, plain(gettext('within')), ...duration({ ...within, edit: (change, typing) => own.edit(data => ({ ...data, within: change(data.within ?? { amount: null, unit: 'days' }) }), typing && `within-${typing}`) }, gettext('within how long')),
        steps.length > 2 && button(gettext('Remove this step'), 'x', drop, { id: `${own.id}-drop` })),
    );
  });
  const add = () => {
    part.edit(data => ({ ...data, steps: [...data.steps.map(({ did: _, ...step }) => step), { event: '', within: { amount: 1, unit: 'days' } }] }));
    ui.focus(`${part.id}-step${steps.length}-event`);
  };
  if (steps.length < LIMITS.steps) lines.push(line(h('button', { type: 'button', id: `${part.id}-add-step`, class: 'btn btn-ghost btn-xs condition-edit', onclick: add }, icon('plus'), gettext('then…'))));
  return lines;
}

function trait(ui, part) {
  const type = ui.facts.typeOfTrait(part.data.trait);
  const box = combobox({
    id: `${part.id}-trait`, next: `${part.id}-value`, label: gettext('trait'), value: part.data.trait ?? '', free: true, placeholder: gettext('trait'), options: ui.facts.offer(facts => facts.known.traits),
    onPick: value => part.edit(data => fitType({ ...data, trait: value }, ui.facts.typeOfTrait(value))),
  });
  return [line(chip('trait', gettext('Is')), box, operator(part, null, type), operand(part, { type, offer: () => ui.offer({ trait: part.data.trait }) }))];
}

function context(ui, part) {
  const fields = contextFields();
  const { field = '' } = part.data;
  const known = fields.find(each => each.value === field);
  const box = combobox({
    id: `${part.id}-field`, next: `${part.id}-value`, label: gettext('what of the visit'), value: field, shown: known?.label ?? field, free: true, placeholder: gettext('what of the visit'),
    options: among(fields.map(each => ({ ...each, hint: each.value }))), onPick: value => part.edit(data => fitType({ ...data, field: value }, fields.find(each => each.value === value)?.type)),
  });
  const offer = async () => (FIELD_VALUES[field] ?? []).map(value => ({ value }));
  return [line(chip('context', gettext('Now')), box, operator(part, null, known?.type), operand(part, { type: known?.type, offer, isWeekday: field === 'time.weekday' }))];
}

function segmentBox(ui, part) {
  const { segment: slug = '' } = part.data;
  return combobox({
    id: `${part.id}-segment`, label: gettext('audience'), value: slug, shown: slug && ui.facts.nameOfSegment(slug), placeholder: gettext('audience'), className: 'condition-wide',
    options: ui.facts.offer(facts => facts.known.segments.filter(each => each.value !== ui.slug)), onPick: value => set(part, 'segment', value),
  });
}

function segment(ui, part) {
  const pick = value => value === 'out' && ui.negate(part.data.id);
  return [line(select(`${part.id}-in`, gettext('in or not in'), 'in', [['in', gettext('In')], ['out', gettext('Not in')]], pick, 'condition-chip condition-segment'), segmentBox(ui, part))];
}

/** A group of none with one audience in it reads as one row: is not in. */
export function notInSegment(ui, group) {
  const part = ui.partOf(group.children[0]);
  const pick = value => value === 'in' && ui.affirm(group.id);
  return [line(select(`${part.id}-in`, gettext('in or not in'), 'out', [['in', gettext('In')], ['out', gettext('Not in')]], pick, 'condition-chip condition-segment'), segmentBox(ui, part))];
}

function cluster(ui, part) {
  return [line(chip('model', gettext('Cluster')), operator(part, CLUSTER, 'text'), operand(part, { type: 'text', offer: async () => ui.facts.known.clusters }))];
}

const scored = (kind, label, said, listOf) => (ui, part) => {
  const box = combobox({ id: `${part.id}-${kind}`, label: label(), value: part.data[kind] ?? '', free: true, placeholder: label(), options: ui.facts.offer(facts => listOf(facts.known)), onPick: value => set(part, kind, value) });
  return [line(chip('model', said()), box, operator(part, SCORE, 'number'), operand(part, { type: 'number' }))];
};
const score = scored('score', () => gettext('score'), () => gettext('Score'), known => known.scores);
const lookalike = scored('lookalike', () => gettext('lookalike'), () => gettext('Like'), known => known.lookalikes);
