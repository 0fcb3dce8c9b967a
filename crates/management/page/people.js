// People: who may sign in, their roles, and the one-time links by which they enrol.

import { all, patch, post } from './api.js';
import { moment } from './dates.js';
import { confirm, openDialog } from './dialogs.js';
import { h, name, replace } from './dom.js';
import { field, form, input, select } from './forms.js';
import { icon } from './icons.js';
import { guarded, pagedList, searchBox, stateBadge, table } from './lists.js';
import { copyButton, note, toast } from './notices.js';
import { keepUntilTaken } from './once.js';
import { isAdmin, session } from './session.js';
import { t, titled } from './texts.js';

const words = t.people;
const EMAIL = /^\S+@\S+$/;

/** A person's roles, in words. */
export const roleNames = (roles) => roles.map((role) => words.roles[role]?.[0] ?? role).join(', ') || '–';

/** Whether somebody is enabled, and whether they have enrolled: without both nobody signs in. */
export const personState = (one) => [
  stateBadge(one.enabled),
  !one.enrolled && [' ', h('span', { class: 'badge warning' }, t.state.notEnrolled)],
];

export async function peopleView(main, { signal }) {
  titled(words.title);
  const list = table(words.title, words.columns);
  const organisations = await all('/organisations', { signal });
  const works = new Map(organisations.map((one) => [one.id, one.name]));
  const paged = pagedList({
    path: '/users',
    signal,
    filters: { search: '' },
    show: (items, fresh) =>
      list.fill(items.map(cells), { fresh, empty: paged.filters.search ? words.notFound : words.none }),
  });
  const tools = { organisations, refresh: () => paged.load() };

  function organisation(one) {
    if (!one.organisation_id) return words.team;
    return h('a', { href: `#/organisations/${one.organisation_id}` }, name(works.get(one.organisation_id) ?? '–'));
  }

  function cells(one) {
    return [
      [name(one.display_name), h('div', { class: 'muted small' }, name(one.email))],
      organisation(one),
      roleNames(one.roles),
      personState(one),
      isAdmin() &&
        h(
          'button',
          { type: 'button', class: 'button quiet', 'data-key': `change-${one.id}`, onclick: () => change(one, tools) },
          words.change,
          h('span', { class: 'unseen' }, ' ', name(one.display_name)),
        ),
    ];
  }

  await paged.load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, words.title),
      isAdmin() &&
        h('button', { type: 'button', class: 'button primary', onclick: () => add(tools) }, icon('plus'), words.add),
    ),
    searchBox(words.search, (search) => paged.filter({ search }), paged.filters.search),
    list,
    paged.more,
  );
}

function change(one, tools) {
  const label = field(t.name, input({ value: one.display_name }), { longest: 120 });
  const roles = roleChecks(one.roles);
  const failure = h('div', { role: 'alert' });
  const after = async (action, text) => {
    await action();
    dialog.close();
    toast(text);
    await tools.refresh();
  };
  const save = () => {
    if (!label.text()) {
      label.fail(words.nameMissing);
      return false;
    }
    const changes = { display_name: label.text(), roles: roles.chosen() };
    return after(() => patch(`/users/${one.id}`, changes), t.saved);
  };
  const turn = async () => {
    if (one.enabled && !(await agreesToDisable(one))) return;
    const said = one.enabled ? words.nowDisabled : words.nowEnabled;
    await after(() => patch(`/users/${one.id}`, { enabled: !one.enabled }), said);
  };
  const button = (text, kind, action) =>
    h('button', { type: 'button', class: `button ${kind}`, onclick: () => guarded(failure, action) }, text);
  const dialog = openDialog({
    title: words.changeTitle,
    body: [
      h('p', {}, h('strong', {}, name(one.display_name)), ' ', h('span', { class: 'muted' }, name(one.email))),
      failure,
      form({ fields: [label, roles], submit: t.save, cancel: () => dialog.close(), send: save }),
      h('hr', {}),
      h(
        'div',
        { class: 'row' },
        button(words.newLink, '', () => newLink(one)),
        one.id !== session.user.id &&
          button(one.enabled ? t.state.disable : t.state.enable, one.enabled ? 'danger quiet' : '', turn),
      ),
      h('p', { class: 'muted small' }, words.linkAdvice),
    ],
  });
}

const agreesToDisable = (one) =>
  confirm({
    title: words.disableTitle,
    yes: t.state.disable,
    danger: true,
    body: h('p', {}, words.disableMeans(name(one.display_name))),
  });

/** A new one-time link: for a forgotten password, or also for a lost authenticator. */
function newLink(one) {
  const byMail = check(words.sendMail(one.email), true);
  const lost = check(words.lostAuthenticator, false, () =>
    replace(warning, lost.chosen() && note('warning', words.recognise)),
  );
  const warning = h('div', {});
  const send = async () => {
    const wanted = { send_mail: byMail.chosen(), replace_authenticator: lost.chosen() };
    const link = await post(`/users/${one.id}/enrolment`, wanted);
    dialog.close();
    handOver(one, link);
    return true;
  };
  const dialog = openDialog({
    title: words.newLinkTitle,
    kind: 'small',
    body: [
      h('p', {}, words.newLinkMeans(name(one.display_name))),
      form({ fields: [lost, warning, byMail], submit: words.makeLink, cancel: () => dialog.close(), send }),
    ],
  });
}

/** A labelled checkbox; `.chosen()` says whether it is checked. */
function check(text, checked, onchange = () => {}) {
  const box = h('input', { type: 'checkbox', checked, onchange });
  const element = h('label', { class: 'check' }, box, h('span', {}, text));
  element.chosen = () => box.checked;
  return element;
}

/** Shows the link, or that it was mailed. */
function handOver(person, link) {
  if (link.mailed_to) toast(words.mailed(link.mailed_to));
  else showLink(person, link);
}

function add({ organisations, refresh }) {
  const enabled = organisations.filter((one) => one.enabled);
  const mail = field(t.email, input({ type: 'email', maxlength: 254 }));
  const label = field(t.name, input({}), { longest: 120 });
  const place = field(t.organisation, select([['', words.team], ...enabled.map((one) => [one.id, one.name])]));
  const roles = roleChecks(['credential_manager']);
  const byMail = check(words.sendMailNew, true);
  place.control.value = enabled[0]?.id ?? '';
  const send = async () => {
    const [email, shown, owner] = [mail.text(), label.text(), place.control.value];
    if (!EMAIL.test(email)) mail.fail(words.emailMissing);
    if (!shown) label.fail(words.nameMissing);
    if (!EMAIL.test(email) || !shown) return false;
    const works = owner ? { organisation_id: owner } : {};
    const person = { email, display_name: shown, roles: roles.chosen(), send_mail: byMail.chosen(), ...works };
    const made = await post('/users', person);
    dialog.close();
    handOver(made, made);
    await refresh();
    return true;
  };
  const dialog = openDialog({
    title: words.add,
    body: form({
      fields: [mail, label, place, roles, byMail],
      submit: words.create,
      cancel: () => dialog.close(),
      send,
    }),
  });
  mail.control.focus();
}

function roleChecks(current) {
  const box = ([role, [label, what]]) =>
    h(
      'label',
      { class: 'check' },
      h('input', { type: 'checkbox', value: role, checked: current.includes(role) }),
      h('span', {}, label, h('span', { class: 'muted small block' }, what)),
    );
  const boxes = h('div', { class: 'checks' }, Object.entries(words.roles).map(box));
  const element = h('fieldset', { class: 'fieldset' }, h('legend', {}, t.roles), boxes);
  element.chosen = () => [...element.querySelectorAll('input:checked')].map((one) => one.value);
  return element;
}

/** The one-time link, shown once: whoever has it can become this person. */
function showLink(person, link) {
  const box = h('div', { class: 'value-box' }, h('code', { class: 'value' }, link.enrolment_url));
  const dialog = openDialog({
    title: words.linkTitle,
    body: [
      note('warning', h('p', {}, h('strong', {}, words.linkOnce), ' ', words.linkFor(name(person.display_name)))),
      box,
      h('p', { class: 'muted' }, words.linkUntil(moment(link.enrolment_expires_at))),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'button primary', onclick: () => dialog.leave() }, t.done),
      ),
    ],
  });
  const taken = keepUntilTaken(dialog, link.enrolment_url, words.linkLeave);
  box.append(copyButton(link.enrolment_url, words.theLink, { label: words.copyLink, kind: 'primary', after: taken }));
}
