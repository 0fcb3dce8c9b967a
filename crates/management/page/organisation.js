// One organisation: its applications, people, webhooks and history, and their administration by the WMDA team.

import { all, get, patch } from './api.js';
import { day, moment } from './dates.js';
import { confirm, openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { actionText, objectName } from './events.js';
import { form } from './forms.js';
import { icon } from './icons.js';
import { guarded, stateBadge, table } from './lists.js';
import { note, toast } from './notices.js';
import { country, organisationFields } from './organisations.js';
import { personState, roleNames } from './people.js';
import { policySection } from './policy.js';
import { isAdmin } from './session.js';
import { t, titled } from './texts.js';

const words = t.organisationView;
const RECENT = 20;

export async function organisationView(main, { parameters: [id], signal }) {
  const problem = h('div', { role: 'alert' });
  const show = async () => {
    const found = await read(id, signal);
    titled(found.organisation.name);
    replace(
      main,
      head(found, problem, show),
      problem,
      applicationsSection(found),
      peopleSection(found),
      policySection(id, signal),
      webhooksSection(found),
      historySection(found),
    );
  };
  await show();
}

async function read(id, signal) {
  const ours = (path) => all(path, { signal }).then((list) => list.filter((one) => one.organisation_id === id));
  const [organisation, applications, people, webhooks, history] = await Promise.all([
    get(`/organisations/${id}`, { signal }),
    ours('/applications'),
    ours('/users'),
    get(`/organisations/${id}/webhooks`, { signal }).catch(() => ({ items: [] })),
    get(`/audit-events?organisation_id=${id}&limit=${RECENT}`, { signal }),
  ]);
  return { organisation, applications, people, webhooks: webhooks.items, history: history.items };
}

function head({ organisation, history }, problem, refresh) {
  const disabled = history.find((one) => one.action === 'organisation.disable');
  const button = (text, kind, onclick) => h('button', { type: 'button', class: `button ${kind}`, onclick }, text);
  return h(
    'div',
    {},
    h('p', { class: 'crumb' }, h('a', { href: '#/organisations' }, icon('back'), t.organisations.title)),
    h(
      'div',
      { class: 'page-head' },
      h(
        'div',
        {},
        h('h1', { tabindex: '-1' }, name(organisation.name)),
        h(
          'p',
          { class: 'marks' },
          h('span', { class: 'muted' }, country(organisation.country_code)),
          stateBadge(organisation.enabled),
        ),
      ),
      isAdmin() &&
        h(
          'div',
          { class: 'row' },
          button(words.change, '', () => change(organisation, refresh)),
          button(
            organisation.enabled ? words.disable : words.enable,
            organisation.enabled ? 'quiet danger' : 'primary',
            () => turn(organisation, problem, refresh),
          ),
        ),
    ),
    !organisation.enabled &&
      note('danger', disabled ? words.disabledBy(name(disabled.actor), moment(disabled.at)) : words.disabled),
  );
}

function change(organisation, refresh) {
  const fields = organisationFields(organisation);
  const send = async () => {
    if (!fields.good()) return false;
    await patch(`/organisations/${organisation.id}`, fields.value());
    dialog.close();
    toast(t.saved);
    await refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.changeTitle,
    kind: 'small',
    body: form({ fields: fields.fields, submit: t.save, cancel: () => dialog.close(), send }),
  });
  fields.fields[0].control.focus();
}

async function turn(organisation, problem, refresh) {
  const on = !organisation.enabled;
  const shown = name(organisation.name);
  const agreed = await confirm(
    on
      ? { title: words.enableTitle, yes: t.state.enable, body: h('p', {}, words.enableMeans(shown)) }
      : { title: words.disableTitle, yes: t.state.disable, danger: true, body: h('p', {}, words.disableMeans(shown)) },
  );
  if (!agreed) return;
  await guarded(problem, async () => {
    await patch(`/organisations/${organisation.id}`, { enabled: on });
    toast(on ? t.state.nowEnabled(organisation.name) : t.state.nowDisabled(organisation.name));
    await refresh();
  });
}

function section(title, count, ...content) {
  const counted = count === null ? null : h('span', { class: 'count' }, String(count));
  return h('section', {}, h('div', { class: 'section-head' }, h('h2', {}, title, ' ', counted)), content);
}

function applicationsSection({ applications }) {
  const list = table(t.applications.title, words.applicationColumns);
  const cells = (one) => [
    h('a', { href: `#/applications/${one.client_id}` }, one.name),
    h('code', { class: 'small' }, one.client_id),
    String(one.managers.filter((manager) => manager.can_sign_in).length),
    stateBadge(one.enabled),
  ];
  list.fill(applications.map(cells), { empty: t.applications.none });
  return section(t.applications.title, applications.length, list);
}

function peopleSection({ people }) {
  const list = table(t.people.title, words.peopleColumns);
  const cells = (one) => [
    [name(one.display_name), h('div', { class: 'muted small' }, name(one.email))],
    roleNames(one.roles),
    personState(one),
  ];
  list.fill(people.map(cells), { empty: words.noPeople });
  return section(t.people.title, people.length, list);
}

function webhooksSection({ webhooks }) {
  if (webhooks.length === 0) return section(words.webhooks, 0, h('p', { class: 'panel empty' }, words.noWebhook));
  const list = table(words.webhooks, words.webhookColumns);
  list.fill(
    webhooks.map((one) => [
      h('code', { class: 'small long' }, one.url),
      one.events.join(', '),
      words.createdBy(day(one.created_at), name(one.created_by)),
    ]),
  );
  return section(words.webhooks, webhooks.length, list);
}

function historySection({ history }) {
  const list = table(words.history, words.historyColumns, 'log');
  const cells = (one) => [
    moment(one.at),
    actionText(one.action),
    objectName(one, new Map(Object.entries(one.names))),
    name(one.actor),
  ];
  list.fill(history.map(cells), { empty: words.noHistory });
  return section(words.history, null, list);
}
