/* pz.js: events, decisions and slots of a web page. Manual: docs/reference/snippet.md. Limit: 8 KB after gzip. */
(() => {
  const queue = window.pz = Array.isArray(window.pz) ? window.pz : [];
  const script = document.currentScript || document.querySelector('script[data-write-key]');
  if (queue.initialized || !script) return;
  queue.initialized = true;

  const option = script.dataset;
  const writeKey = option.writeKey;
  const host = option.host || new URL(script.src || location).origin;
  const USER = 'pz:user', QUEUED = 'pz:q:', MOST_EVENTS = 200, MOST_CHARACTERS = 262144, MOST_EVENT_BYTES = 32768;
  const DAY = 86400, MOST_SLOTS = 50, BEACON_BYTES = 60000, DEDUP_MS = 23 * 3600000;

  const now = () => Date.now();
  const bytesOf = text => new TextEncoder().encode(text).length;
  // Half an emoji, as a careless slice() leaves it, is no valid text: the server would refuse the whole batch.
  const encode = value => JSON.stringify(value)
    .replace(/\\(ud[89a-f]..|.)/g, (escape, rest) => rest.length > 1 ? '\ufffd' : escape);
  const emit = (target, name, detail) =>
    target.dispatchEvent(new CustomEvent('pz:' + name, { bubbles: true, composed: true, detail }));
  // crypto.randomUUID is missing on pages without https.
  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : '10000000-1000-4000-8000-100000000000'.replace(/[018]/g,
    digit => (digit ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> digit / 4).toString(16));

  // --- Consent and identity: only `granted` may touch the cookie or the storage --------------------------------

  let consent;
  let box = {}; // what must survive: localStorage once consent is granted, else this object; same syntax for both
  let spareId; // where cookies are refused, the id lives as long as the page

  const optedOut = () => navigator.globalPrivacyControl && option.gpc !== 'ignore'
    || navigator.doNotTrack === '1' && option.dnt === 'respect';

  function writeCookie(value, seconds) {
    document.cookie = `pz_id=${value}; path=/; max-age=${seconds}; samesite=lax`
      + (location.protocol === 'https:' ? '; secure' : '') + (option.domain ? '; domain=' + option.domain : '');
  }

  const readCookie = () => (document.cookie.match(/(?:^|; )pz_id=([^;]+)/) || [])[1];

  function anonymousId() {
    let id = readCookie();
    if (!id) writeCookie(id = spareId = spareId || uuid(), 180 * DAY);
    return id;
  }

  function remember(userId) {
    if (box[USER] && box[USER] !== userId) pz.reset(); // another person on this device
    store(USER, userId);
  }

  function setConsent(state) {
    if (optedOut()) state = 'denied';
    if (state === consent || !/^(pending|granted|denied)$/.test(state)) return;
    consent = state;
    disconnect();
    const held = box;
    try {
      box = state !== 'pending' && localStorage || {};
    } catch (refused) {
      box = {};
    }
    if (state === 'granted') {
      writeCookie(anonymousId(), 180 * DAY);
      if (held[USER]) remember(held[USER]);
      for (const key of queuedIn(held)) keep(key, { ...JSON.parse(held[key]), anonymousId: anonymousId() });
      adopt();
      connect();
    }
    if (state === 'denied') {
      writeCookie(spareId = '', 0);
      for (const key of queuedIn(box)) delete box[key];
      delete box[USER];
      box = {};
    }
    decideAgain();
  }

  // --- Outbox: one storage key per event, so that tabs never overwrite each other's -----------------------------

  const mine = new Set(); // keys this tab delivers; every tab adopts what it finds at the start and when it connects
  const flying = new Map(); // key -> id of the batch that carries it now
  let serial = 0;

  const queuedIn = store => Object.keys(store).filter(key => key.startsWith(QUEUED)).sort();
  const messageIdOf = key => key.slice(QUEUED.length + 14); // after 8 characters of time and 6 of order

  function store(key, text) {
    try {
      box[key] = text;
    } catch (full) {
      box = { ...box, [key]: text }; // go on in memory
    }
  }

  function keep(key, message) {
    const text = encode(message);
    if (bytesOf(text) > MOST_EVENT_BYTES) return console.warn('pz: event above 32 KB dropped', message);
    store(key, text);
    mine.add(key);
    const keys = queuedIn(box);
    let characters = keys.reduce((sum, each) => sum + box[each].length, 0);
    for (let i = 0; keys.length - i > MOST_EVENTS || characters > MOST_CHARACTERS; i++) {
      characters -= box[keys[i]].length;
      forget(keys[i]);
    }
  }

  function forget(key) {
    delete box[key];
    mine.delete(key);
    flying.delete(key);
  }

  function adopt() {
    for (const key of queuedIn(box)) {
      // `~`: went out when a page closed, unacknowledged. After the server's dedup window it might count twice.
      const tooOld = box[key][0] === '~' && now() - parseInt(key.slice(QUEUED.length, QUEUED.length + 8), 36) > DEDUP_MS;
      try {
        JSON.parse(tooOld ? '' : box[key].replace('~', ''));
        mine.add(key);
      } catch (broken) {
        forget(key);
      }
    }
  }

  function pick(most, mostBytes, again) {
    const keys = [], texts = [];
    let bytes = 200;
    for (const key of [...mine].sort()) {
      const text = (box[key] || '').replace(/^~/, '');
      if (!text) mine.delete(key); // another tab delivered it
      else if (again || !flying.has(key)) {
        bytes += bytesOf(text) + 1;
        if (keys.length === most || bytes > mostBytes) break;
        keys.push(key);
        texts.push(text);
      }
    }
    return { keys, bytes, json: `"batch":[${texts}],"sentAt":"${new Date().toISOString()}"` };
  }

  // --- Messages, in Segment's shape -----------------------------------------------------------------------------

  let pageUrl = location.href, referrer = document.referrer;

  function context() {
    let campaign;
    for (const [key, value] of new URLSearchParams(location.search)) {
      const name = key === 'utm_campaign' ? 'name' : key.slice(4);
      if (key.startsWith('utm_')) campaign = { ...campaign, [name]: value };
    }
    return {
      page: {
        path: location.pathname, search: location.search, url: location.href.split('#')[0], title: document.title,
        referrer,
      },
      campaign,
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      userAgent: navigator.userAgent,
      library: { name: 'pz.js', version: '0.1.0' },
    };
  }

  function enqueue(type, fields, options) {
    if (consent === 'denied') return pz;
    const message = {
      type, messageId: uuid(), timestamp: new Date().toISOString(), userId: box[USER], ...fields, ...options,
      context: { ...context(), ...(options || {}).context },
    };
    if (consent === 'granted') {
      const id = anonymousId();
      message.anonymousId = message.anonymousId || id;
      if (socket && helloId !== id) reconnect(); // another tab called reset()
    }
    try {
      keep(QUEUED + now().toString(36) + (1e5 + serial++ % 9e5) + message.messageId, message);
    } catch (unserialisable) {
      console.warn('pz: event dropped', unserialisable);
    }
    setTimeout(flush);
    return pz;
  }

  // --- Transport: the socket, else POST; a batch stays in the outbox until it is acknowledged -------------------

  let socket, helloId, ready, heard, fallback, posting, suspended, fatal, patience, pinger, retry;
  let attempts = 0, notBefore = 0, limits = { batch: 100, bytes: 512000 };

  const say = frame => socket.send(encode(frame));
  const post = (path, body) => fetch(host + path, { // a plain text body without headers needs no preflight
    method: 'POST', body, credentials: 'omit', keepalive: body.length < 20000,
  });
  const backoff = () => Math.min(30000, 500 * 2 ** attempts++) * (0.5 + Math.random() / 2);

  function connect() {
    if (socket || suspended || fatal || consent !== 'granted') return;
    clearTimeout(retry);
    try {
      socket = new WebSocket(host.replace(/^http/, 'ws') + '/ws/v1/');
    } catch (blocked) {
      return lose();
    }
    const opened = socket;
    helloId = anonymousId();
    patience = setTimeout(() => {
      fallback = true;
      flush();
      patience = setTimeout(lose, 9000);
    }, 1000);
    socket.onopen = () => {
      say({ type: 'hello', v: 1, writeKey, anonymousId: helloId, userId: box[USER], consent, context: context() });
      asks.forEach(askSocket); // before the welcome, which saves a round trip
    };
    socket.onmessage = event => opened === socket && receive(JSON.parse(event.data));
    socket.onclose = event => opened === socket && lose(event);
  }

  function disconnect() {
    clearTimeout(patience);
    clearTimeout(retry);
    clearInterval(pinger);
    const closing = socket;
    socket = ready = undefined;
    flying.clear();
    if (closing) closing.close();
  }

  function reconnect() {
    disconnect();
    connect();
  }

  function lose({ code } = {}) {
    disconnect();
    fallback = true;
    if (code === 4401 || code === 4403) stop(code); // unknown key, origin refused: asking again would not help
    asks.forEach(askByPost);
    flush();
    // 4400: a frame was not understood, nor would it be on another socket; POST refuses single events.
    if (code !== 4400 && !fatal && !suspended) retry = setTimeout(connect, backoff());
  }

  function stop(reason) {
    fatal = true;
    console.error('pz: the server refuses this page:', reason);
  }

  function pause(seconds) {
    const wait = seconds ? seconds * 1000 * (1 + Math.random() / 4) : backoff();
    notBefore = now() + wait;
    setTimeout(flush, wait + 1);
  }

  function receive(frame) {
    heard = true;
    if (/ack|pong|decision/.test(frame.type)) attempts = 0;
    if (frame.type === 'welcome') {
      clearTimeout(patience);
      if (fallback) decideAgain(); // answers or changes may have been missed meanwhile
      ready = true;
      fallback = false;
      notBefore = 0;
      Object.assign(limits, frame.limits);
      pinger = setInterval(() => {
        if (!heard) return lose();
        heard = false;
        say({ type: 'ping' });
      }, (frame.ping || 25) * 1000);
      adopt();
      flush();
    } else if (frame.type === 'ack') {
      const refused = frame.refused || [];
      refused.forEach(each => (console.warn('pz: event refused', each), emit(document, 'refused', each)));
      const done = new Set((frame.messageIds || []).concat(refused.map(each => each.messageId)));
      const nameless = refused.some(each => !each.messageId); // so broken that the server could not read its id
      for (const key of mine) {
        if (done.has(messageIdOf(key)) || nameless && flying.get(key) === frame.id) forget(key);
      }
    } else if (frame.type === 'slow') {
      for (const [key, id] of flying) if (id === frame.id) flying.delete(key);
      pause(frame.retryAfter);
    } else if (frame.type === 'decision') {
      settleAsk(frame.id, frame);
    } else if (frame.type === 'changed') {
      emit(document, 'changed', frame);
      if ((frame.entered || []).length + (frame.left || []).length) decideAgain();
    } else if (frame.type === 'error') {
      console.warn('pz:', frame.code, frame.message);
    }
  }

  function flush() {
    if (fatal || suspended || consent !== 'granted' || now() < notBefore || !(ready || fallback && !posting)) return;
    const { keys, json } = pick(limits.batch, limits.bytes);
    if (!keys.length) return;
    const id = ++serial;
    keys.forEach(key => flying.set(key, id));
    if (ready) {
      const carrier = socket;
      socket.send(`{"type":"batch","id":${id},${json}}`);
      setTimeout(() => carrier === socket && [...flying.values()].includes(id) && lose(), 10000);
      return flush();
    }
    posting = true;
    post('/v1/b', `{"writeKey":${JSON.stringify(writeKey)},${json}}`).then(({ ok, status, headers }) => {
      if (ok || status === 400 || status === 413) keys.forEach(forget);
      else if (status === 401 || status === 403) stop(status);
      else pause(+headers.get('retry-after'));
    }, () => pause()).then(() => {
      keys.forEach(key => flying.delete(key));
      posting = false;
      flush();
    });
  }

  addEventListener('online', () => {
    attempts = notBefore = 0;
    connect();
  });
  addEventListener('offline', () => socket && lose());
  addEventListener('pagehide', () => {
    const { keys, json } = pick(MOST_EVENTS, BEACON_BYTES, true);
    if (consent === 'granted' && !fatal && keys.length
      && navigator.sendBeacon(`${host}/beacon/v1/batch?writeKey=${encodeURIComponent(writeKey)}`, `{${json}}`)) {
      keys.forEach(key => (box[key] = box[key].replace(/^~?/, '~')));
    }
    suspended = true;
    disconnect(); // an open socket would keep the page out of the back/forward cache
  });
  addEventListener('pageshow', event => {
    if (!event.persisted) return;
    suspended = false;
    connect();
    if (option.page !== 'manual') pz.page();
    decideAgain();
  });

  // --- Decisions: one request for all slots that ask at the same time -------------------------------------------

  const asks = new Map(); // id -> {slots, resolve, posted}, until answered
  const decisions = new Map(); // slot name -> promise of its decision, until something changes
  const wanted = [];

  const askSocket = ({ slots, posted }, id) => posted || say({ type: 'decide', id, slots, context: context() });

  function askByPost(ask, id) {
    if (ask.posted) return;
    ask.posted = true;
    const identity = consent === 'granted' ? { anonymousId: anonymousId() } : { consent };
    post('/api/v1/decide', encode({ writeKey, ...identity, slots: ask.slots, context: context() }))
      .then(answer => answer.ok && answer.json()).catch(() => null).then(answer => settleAsk(id, answer));
  }

  function settleAsk(id, answer) {
    const ask = asks.get(id);
    asks.delete(id);
    if (ask) ask.resolve(answer);
  }

  function decide(slots) {
    return new Promise(resolve => {
      const id = ++serial, ask = { slots, resolve };
      asks.set(id, ask);
      if (socket && socket.readyState === 1) askSocket(ask, id);
      else if (!socket || fallback) askByPost(ask, id);
      setTimeout(() => ready || asks.has(id) && askByPost(ask, id), 300); // the socket is slow or swallowed
      setTimeout(settleAsk, 5000, id);
    });
  }

  function decisionFor(slot) {
    if (!decisions.has(slot)) {
      decisions.set(slot, new Promise(resolve => {
        if (!wanted.length) askSoon();
        wanted.push({ slot, resolve });
      }));
    }
    return decisions.get(slot);
  }

  // While the page is still arriving, more slots may follow.
  const askSoon = () => setTimeout(askAll, document.readyState === 'loading' ? 50 : 0);

  async function askAll() {
    document.querySelectorAll('[data-pz-slot]').forEach(element => mount(element));
    const round = wanted.splice(0, MOST_SLOTS);
    if (!round.length) return;
    if (wanted.length) askSoon();
    const answer = await decide(round.map(each => each.slot));
    for (const { slot, resolve } of round) {
      if (!answer) decisions.delete(slot);
      resolve(answer && { decisionId: answer.decisionId, book: answer.book, ...(answer.slots || {})[slot], slot });
    }
  }

  function decideAgain() {
    decisions.clear();
    for (const element of live) element.isConnected ? fill(element) : live.delete(element);
  }

  // --- Slots: <pz-slot name timeout swap> and data-pz-slot ------------------------------------------------------

  const slots = new WeakMap(); // element -> {name, live, turn, shown, original, decision, timer}
  const live = new Set();
  let policy = { createHTML: html => html };
  try {
    policy = trustedTypes.createPolicy('pz', policy);
  } catch (unavailable) { /* no Trusted Types here, or the page's policy forbids the name: then render() fails */ }

  const setting = (element, name) => element.getAttribute(name) || element.getAttribute('data-' + name);
  const isVisible = element => getComputedStyle(element).visibility === 'visible';

  /** `fresh`: the element has just been inserted, so nobody can have seen its default content. */
  function mount(element, fresh) {
    const name = element.dataset.pzSlot || element.getAttribute('name');
    if (!name || slots.has(element)) return;
    const slot = { name, live: setting(element, 'swap') === 'live', turn: 0 };
    slots.set(element, slot);
    element.addEventListener('click', event => {
      if (!slot.decision) return;
      const link = event.target.closest('a[href]');
      emit(element, 'click', slot.decision);
      report('Block Clicked', slot.decision, { href: link ? link.href : undefined });
    });
    if (slot.live) live.add(element);
    if (element.dataset.state) { // rendered by the server
      if (element.dataset.decision) watch(element, JSON.parse(element.dataset.decision));
      return;
    }
    const painted = !fresh && isVisible(element) && performance.getEntriesByType('paint').length;
    if (painted && !slot.live) return settle(element, 'timeout');
    if (!slot.live) element.style.visibility = 'hidden'; // for pages without the stylesheet
    setTimeout(() => element.dataset.state || settle(element, 'timeout'), +(setting(element, 'timeout') || 600));
    fill(element);
  }

  async function fill(element) {
    const slot = slots.get(element), turn = ++slot.turn;
    const decision = await decisionFor(slot.name);
    // The parser would append the rest of the default content to ours.
    if (document.readyState === 'loading' && !element.nextSibling) {
      await new Promise(resolve => document.addEventListener('DOMContentLoaded', resolve));
    }
    if (turn !== slot.turn) return;
    if (!slot.live) {
      if (element.dataset.state) return; // too late
      if (isVisible(element)) return settle(element, 'timeout'); // the stylesheet's failsafe was faster
    }
    if (!decision || !decision.reason) return settle(element, 'error');
    const { reason, block } = decision;
    let state = /^(timeout|holdout)$/.test(reason) ? reason : /unknown|failed/.test(reason) ? 'error' : 'default';
    if (reason === 'rule_matched') state = 'personalized';
    emit(element, 'decision', decision);
    const shown = state + JSON.stringify(block);
    if (shown === slot.shown) return; // a live slot whose answer stayed the same
    slot.shown = shown;
    try {
      render(element, slot, block && block.html);
    } catch (forbidden) {
      console.warn('pz: block not shown', forbidden);
      state = 'error';
    }
    settle(element, state);
    watch(element, state !== 'error' && (block || state === 'holdout') && decision);
    emit(element, 'rendered', { ...decision, state });
  }

  function settle(element, state) {
    element.dataset.state = state;
    element.style.visibility = '';
  }

  /** The server has sanitised `html` already; here nothing in it may run even if that failed. */
  function render(element, slot, html) {
    if (html == null && !slot.original) return;
    slot.original = slot.original || [...element.childNodes];
    if (html == null) return element.replaceChildren(...slot.original);
    const template = document.createElement('template');
    template.innerHTML = policy.createHTML(html);
    for (const node of template.content.querySelectorAll('*')) {
      if (/^(script|base|meta|link|iframe|object|embed)$/.test(node.localName)) node.remove();
      for (const { name, value } of [...node.attributes]) {
        if (/^on|^srcdoc$/.test(name) || /^javascript:/i.test(value.replace(/[\s\0-\x1f]/g, ''))) {
          node.removeAttribute(name);
        }
      }
    }
    element.replaceChildren(template.content);
  }

  const report = (event, { decisionId, slot, rule, block }, more) => pz.track(event, {
    decisionId, slot, rule, block: block ? block.slug : undefined, ...more,
  });

  const impressions = new IntersectionObserver(entries => entries.forEach(({ target, intersectionRatio }) => {
    const slot = slots.get(target);
    clearTimeout(slot.timer);
    if (intersectionRatio < 0.5) return;
    slot.timer = setTimeout(() => {
      impressions.unobserve(target);
      if (document.hidden) impressions.observe(target);
      else report('Block Viewed', slot.decision);
    }, 1000);
  }), { threshold: 0.5 });

  function watch(element, decision) {
    slots.get(element).decision = decision;
    impressions.unobserve(element);
    if (decision) impressions.observe(element);
  }

  // --- The public methods ---------------------------------------------------------------------------------------

  const isObject = value => value && typeof value === 'object';

  const pz = Object.assign(queue, {
    identify(userId, traits, options) {
      if (isObject(userId)) [userId, traits, options] = [undefined, userId, traits];
      if (userId != null && consent !== 'denied') remember(String(userId));
      return enqueue('identify', { traits: traits || {} }, options);
    },
    track: (event, properties, options) => enqueue('track', { event, properties: properties || {} }, options),
    page(...args) {
      const [name, category] = args.filter(each => typeof each === 'string').reverse();
      const [properties, options] = args.filter(isObject);
      const moved = pageUrl !== location.href;
      if (moved) [referrer, pageUrl] = [pageUrl, location.href];
      enqueue('page', { name, category, properties: { ...context().page, name, category, ...properties } }, options);
      if (moved) decideAgain();
      askSoon();
      return pz;
    },
    group: (groupId, traits, options) => enqueue('group', { groupId, traits: traits || {} }, options),
    alias: (userId, previousId, options) => enqueue('alias', {
      userId, previousId: previousId || box[USER] || consent === 'granted' && anonymousId() || undefined,
    }, options),
    reset() {
      delete box[USER];
      if (consent !== 'granted') return pz;
      writeCookie(spareId = uuid(), 180 * DAY);
      reconnect();
      decideAgain();
      return pz;
    },
    consent(state) {
      if (!state) return consent;
      setConsent(state);
      return pz;
    },
    slot: (name, options) => Promise.race([
      decisionFor(name), new Promise(resolve => setTimeout(resolve, (options || {}).timeout || 600)),
    ]).then(decision => decision && decision.block ? { ...decision.block, decision } : null),
    on(name, listener) {
      if (name === 'ready') setTimeout(listener);
      else document.addEventListener('pz:' + name, event => listener(event.detail, event));
      return pz;
    },
    push([method, ...args]) {
      try {
        const result = pz[method](...args);
        if (method === 'slot') result.then(args.pop()); // the stub's promise
      } catch (mistake) {
        console.warn('pz:', method, mistake);
      }
    },
  });

  function start() {
    const calls = queue.splice(0);
    const [, chosen] = calls.filter(call => call[0] === 'consent').pop() || [];
    setConsent(chosen || option.consent || 'granted');
    if (option.page !== 'manual' && !calls.some(call => call[0] === 'page')) pz.page();
    calls.forEach(pz.push);
    let upgrading = true; // define() upgrades what the page holds already
    customElements.define('pz-slot', class extends HTMLElement {
      connectedCallback() {
        mount(this, !upgrading);
      }
    });
    upgrading = false;
    document.addEventListener('DOMContentLoaded', askAll);
    askSoon();
    emit(document, 'ready');
  }

  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
})();
