/** What one can say in a condition: the kinds of rows, how each begins, and by which words one finds it. Pure. */

const MONTH = { last: 30, unit: 'days' };

/** `[{ key, label, hint, words, make }]`: `make()` gives a node without an id. */
export function listKinds(about) {
  const event = more => () => ({ kind: 'event', event: '', op: 'at_least', value: 1, window: MONTH, ...more });
  const context = (field, op = 'is', value = '') => () => ({ kind: 'context', field, op, value });
  const kinds = [
    { key: 'did', chip: gettext('Did'), label: gettext('did something'), hint: gettext('viewed, bought, signed up…, so often, in some time'), words: 'event count times often viewed bought', make: event() },
    { key: 'did_not', chip: gettext('Did not'), label: gettext('did not do something'), hint: gettext('no order in the last 30 days'), words: 'event never without inactive', make: event({ did: false }) },
    { key: 'spent', chip: gettext('Did'), label: gettext('spent or added up to an amount'), hint: gettext('a total of a property of events'), words: 'sum total value revenue money spent', make: event({ measure: 'sum', of: 'value', op: 'more_than', value: 100, window: null }) },
    { key: 'distinct', chip: gettext('Did'), label: gettext('did it with so many different things'), hint: gettext('looked at 3 different categories'), words: 'distinct unique variety', make: event({ measure: 'distinct', of: '', value: 2 }) },
    { key: 'first', chip: gettext('Did'), label: gettext('did something for the first time'), hint: gettext('first order within the last 7 days'), words: 'first new since', make: () => ({ kind: 'event', event: '', measure: 'first', op: 'within_last', value: { amount: 7, unit: 'days' } }) },
    { key: 'last', chip: gettext('Did'), label: gettext('did something for the last time'), hint: gettext('last visit longer ago than 30 days'), words: 'last recency lapsed', make: () => ({ kind: 'event', event: '', measure: 'last', op: 'longer_ago_than', value: { amount: 30, unit: 'days' } }) },
    { key: 'sequence', chip: gettext('Did'), label: gettext('did one thing, then another'), hint: gettext('added to the cart, then did not buy'), words: 'sequence then after abandoned funnel', make: () => ({ kind: 'sequence', steps: [{ event: '' }, { event: '', within: { amount: 1, unit: 'days' } }], window: { last: 7, unit: 'days' } }) },
    { key: 'trait', chip: gettext('Is'), label: gettext('is somebody with a trait'), hint: gettext('country, plan, birthday…'), words: 'trait attribute profile property', make: () => ({ kind: 'trait', trait: '', op: 'is', value: '' }) },
    { key: 'segment', chip: gettext('In'), label: gettext('is in an audience'), hint: '', words: 'segment audience member of', make: () => ({ kind: 'segment', segment: '' }) },
    { key: 'not_segment', chip: gettext('Not in'), label: gettext('is not in an audience'), hint: '', words: 'segment audience exclude without', make: () => ({ kind: 'not', children: [{ kind: 'segment', segment: '' }] }) },
    { key: 'cluster', chip: gettext('Cluster'), label: gettext('is in a cluster of people alike'), hint: gettext('found by a model'), words: 'cluster group model', make: () => ({ kind: 'cluster', op: 'is', value: '' }) },
    { key: 'score', chip: gettext('Score'), label: gettext('has a score'), hint: gettext('such as the risk to leave'), words: 'score churn predict model', make: () => ({ kind: 'score', score: '', op: 'at_least', value: 0.7 }) },
    { key: 'lookalike', chip: gettext('Like'), label: gettext('is like the people of an audience'), hint: '', words: 'lookalike similar model', make: () => ({ kind: 'lookalike', lookalike: '', op: 'at_least', value: 0.7 }) },
  ];
  if (about !== 'rule') return kinds;
  const now = gettext('Now');
  return [
    ...kinds,
    { key: 'page', chip: now, label: gettext('is on a page'), hint: gettext('its path or address'), words: 'context page url path', make: context('page.path', 'starts_with') },
    { key: 'utm', chip: now, label: gettext('came by a campaign'), hint: 'utm_source, utm_medium…', words: 'context utm campaign newsletter ad', make: context('campaign.source') },
    { key: 'device', chip: now, label: gettext('uses a device or browser'), hint: gettext('mobile, tablet, desktop'), words: 'context device mobile browser', make: context('device.type', 'is', 'mobile') },
    { key: 'locale', chip: now, label: gettext('speaks a language'), hint: gettext('the locale of the visit'), words: 'context locale language', make: context('locale', 'starts_with') },
    { key: 'hour', chip: now, label: gettext('at some time of the day'), hint: gettext('by the organisation’s clocks'), words: 'context time hour evening', make: context('time.hour', 'between', [9, 17]) },
    { key: 'weekday', chip: now, label: gettext('on some days of the week'), hint: '', words: 'context weekday weekend monday', make: context('time.weekday', 'in', [6, 7]) },
    { key: 'context', chip: now, label: gettext('anything else of the visit'), hint: '', words: 'context field', make: context('') },
  ];
}

/** The same, begun with a name that somebody has typed: an event, a trait, an audience. */
export function listNamed(facts) {
  return [
    ...facts.events.map(({ value, label }) => ({ key: `event:${value}`, chip: gettext('Did'), label: label ?? value, words: '', make: () => ({ kind: 'event', event: value, op: 'at_least', value: 1, window: MONTH }) })),
    ...facts.traits.map(({ value, type }) => ({ key: `trait:${value}`, chip: gettext('Is'), label: value, words: '', make: () => (type === 'number' ? { kind: 'trait', trait: value, op: 'at_least', value: null } : type === 'flag' ? { kind: 'trait', trait: value, op: 'is', value: true } : { kind: 'trait', trait: value, op: 'is', value: '' }) })),
    ...facts.segments.map(({ value, label }) => ({ key: `segment:${value}`, chip: gettext('In'), label: label ?? value, words: value, make: () => ({ kind: 'segment', segment: value }) })),
  ];
}

/** Those in which every word that was typed begins a word. */
export function search(kinds, typed, most = 14) {
  const wanted = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const told = each => ` ${each.label} ${each.hint ?? ''} ${each.words} ${each.chip}`.toLowerCase();
  return kinds.filter(each => wanted.every(word => told(each).includes(` ${word}`))).slice(0, most);
}

export const contextFields = () => [
  ['page.path', gettext('page path')], ['page.url', gettext('page address')], ['page.referrer', gettext('referrer')],
  ['page.title', gettext('page title')], ['page.search', gettext('page query')],
  ['campaign.source', gettext('UTM source')], ['campaign.medium', gettext('UTM medium')],
  ['campaign.name', gettext('UTM campaign')], ['campaign.term', gettext('UTM term')], ['campaign.content', gettext('UTM content')],
  ['device.type', gettext('device type')], ['device.brand', gettext('device brand')], ['browser.name', gettext('browser')],
  ['os.name', gettext('operating system')], ['locale', gettext('locale')], ['timezone', gettext('time zone')],
  ['time.hour', gettext('hour of the day'), 'number'], ['time.weekday', gettext('day of the week'), 'number'],
].map(([value, label, type = 'text']) => ({ value, label, type }));

export const FIELD_VALUES = {
  'device.type': ['desktop', 'mobile', 'tablet', 'bot'],
  'browser.name': ['Chrome', 'Safari', 'Firefox', 'Edge', 'Mobile Safari', 'Chrome Mobile', 'Samsung Internet'],
  'os.name': ['Windows', 'Mac OS X', 'iOS', 'Android', 'Linux'],
  'campaign.medium': ['email', 'cpc', 'social', 'affiliate', 'display', 'referral'],
};

export const weekdays = () => [
  gettext('Monday'), gettext('Tuesday'), gettext('Wednesday'), gettext('Thursday'), gettext('Friday'),
  gettext('Saturday'), gettext('Sunday'),
];
