// The WMDA team's list of concerns: urgent ones unfolded, the rest folded.

import { clock, get, post } from './api.js';
import { duration, expiry, moment, relative } from './dates.js';
import { h, name, replace } from './dom.js';
import { graceButton } from './grace.js';
import { icon } from './icons.js';
import { guarded } from './lists.js';
import { toast } from './notices.js';
import { origin } from './origins.js';
import { address } from './secrets.js';
import { isAdmin } from './session.js';
import { t, titled } from './texts.js';

const words = t.attention;
/** In order of urgency; groups marked `many` are folded when they are long. */
const KINDS = ['secret_leaked', 'secret_expired_yet_tried', 'secret_expiring', 'too_few_managers'];
const FOLDED_ABOVE = 10;

/** For how long applications with too few managers are snoozed. */
const SNOOZE_DAYS = 30;

export async function attentionView(main, { signal }) {
  titled(words.title);
  const problem = h('div', { role: 'alert' });
  const show = async () => {
    const { items, failed_mails, counts, complete } = await get('/attention', { signal });
    const number = items.length + failed_mails.length;
    const groups = KINDS.map((kind) => [kind, items.filter((one) => one.kind === kind)]);
    replace(
      main,
      h(
        'div',
        { class: 'page-head' },
        h(
          'div',
          {},
          h('h1', { tabindex: '-1' }, words.title),
          h('p', { class: 'lead' }, number === 0 ? words.nothing : words.count(number, complete)),
        ),
      ),
      problem,
      number === 0 && h('p', { class: 'panel empty' }, icon('check'), ' ', words.allGood),
      groups.filter(([, found]) => found.length > 0).map(([kind, found]) => group(kind, found, { snooze, changed })),
      failed_mails.length > 0 && failedMails(failed_mails),
      counts.snoozed > 0 && h('p', { class: 'muted' }, words.snoozed(counts.snoozed)),
    );
  };
  const snooze = (applications) =>
    guarded(problem, async () => {
      const client_ids = applications.map((one) => one.client_id);
      await post('/attention/snooze', { kind: 'too_few_managers', client_ids, days: SNOOZE_DAYS });
      toast(words.nowSnoozed(SNOOZE_DAYS));
      await changed();
    });
  /** Refreshes after an action in this list. */
  async function changed() {
    await show();
    main.querySelector('h1').focus({ preventScroll: true });
  }
  await show();
}

function group(kind, found, { snooze, changed }) {
  const [title, why] = words.kinds[kind];
  const list = kind === 'too_few_managers' ? byOrganisation(found, snooze) : rows(found, changed);
  const long = kind === 'too_few_managers' && found.length > FOLDED_ABOVE;
  return h(
    'section',
    {},
    h('div', { class: 'section-head' }, h('h2', {}, title, ' ', h('span', { class: 'count' }, String(found.length)))),
    h('p', { class: 'muted' }, why),
    long ? h('details', { class: 'folded' }, h('summary', {}, words.showAll(found.length)), list) : list,
  );
}

const rows = (found, changed) =>
  h(
    'ul',
    { class: 'panel rows' },
    found.map((one) => row(one, changed)),
  );

/** Failed mails belong to no application: they come after the concerns of systems. */
function failedMails(found) {
  const [title, why] = words.mailFailed;
  const item = (one) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('strong', {}, one.recipient),
        h('div', { class: 'small' }, words.mailOf(one.kind), ', ', relative(one.failed_at)),
        one.error && h('div', { class: 'small muted', lang: 'en' }, one.error),
        !one.can_be_resent && h('div', { class: 'small' }, words.inviteAnew),
      ),
      h('span', { class: 'badge warning' }, icon('warning'), words.notSent),
    );
  return h(
    'section',
    {},
    h('div', { class: 'section-head' }, h('h2', {}, title, ' ', h('span', { class: 'count' }, String(found.length)))),
    h('p', { class: 'muted' }, why),
    h('ul', { class: 'panel rows' }, found.map(item)),
  );
}

/** Applications of one organisation with too few managers are one concern: one mail settles them all. */
function byOrganisation(found, snooze) {
  const groups = new Map();
  for (const one of found) groups.set(one.organisation_name, [...(groups.get(one.organisation_name) ?? []), one]);
  const later = (organisation, applications) =>
    h(
      'button',
      { type: 'button', class: 'button quiet', onclick: () => snooze(applications) },
      words.later(SNOOZE_DAYS),
      h('span', { class: 'unseen' }, ' ', name(organisation)),
    );
  const item = ([organisation, applications]) =>
    h(
      'li',
      {},
      h(
        'div',
        {},
        h('strong', {}, name(organisation)),
        h(
          'div',
          { class: 'small links' },
          applications.map((one) => h('a', { href: address(one) }, one.application_name)),
        ),
      ),
      mark(applications.reduce((least, one) => (one.able_managers < least.able_managers ? one : least))),
      isAdmin() && later(organisation, applications),
    );
  return h('ul', { class: 'panel rows' }, [...groups].map(item));
}

function row(one, changed) {
  return h(
    'li',
    {},
    h(
      'div',
      {},
      h('a', { href: address(one) }, h('strong', {}, one.application_name)),
      ' ',
      h('span', { class: 'muted' }, name(one.organisation_name)),
      h('div', { class: 'small' }, detail(one)),
    ),
    mark(one),
    one.can_get_grace && isAdmin() && graceButton(one, changed),
  );
}

function detail(one) {
  const secret = name(one.secret_name);
  if (one.kind === 'secret_leaked') {
    return words.leaked(secret, moment(one.leak_reported_at), h('code', {}, one.leak_reported_from));
  }
  if (one.kind === 'secret_expired_yet_tried') {
    return [words.tried(secret, expiry(one.expires_at), relative(one.tried_after_expiry_at)), origin(one)];
  }
  return words.expires(secret, expiry(one.expires_at), one.last_used_at && relative(one.last_used_at));
}

function mark(one) {
  if (one.kind === 'secret_expired_yet_tried') {
    return h('span', { class: 'badge danger' }, icon('stop'), t.secret.expired);
  }
  if (one.kind === 'too_few_managers') {
    return h('span', { class: 'badge' }, icon('people'), words.able(one.able_managers));
  }
  if (one.kind === 'secret_leaked') return leakMark(one);
  const left = duration(Date.parse(one.expires_at) - clock.now());
  if (one.graced_at) return h('span', { class: 'badge danger' }, icon('clock'), t.secret.gracedFor(left));
  return h('span', { class: 'badge warning' }, icon('warning'), words.left(left));
}

/** What was done about it. */
function leakMark(one) {
  if (one.deleted_at) return h('span', { class: 'badge' }, icon('bin'), words.deleted);
  const left = one.suspended_until ? Date.parse(one.suspended_until) - clock.now() : 0;
  if (left > 0) return h('span', { class: 'badge warning' }, icon('pause'), t.secret.suspendedFor(duration(left)));
  return h('span', { class: 'badge danger' }, icon('stop'), words.worksAgain);
}
