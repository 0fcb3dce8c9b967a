// People: who may sign in, as what, and the one-time links by which they enrol.

import { h, name, replace } from './dom.js';
import { all, get, patch, post } from './api.js';
import { isAdmin, session } from './session.js';
import { moment } from './dates.js';
import { icon } from './icons.js';
import { field, form, input, select } from './forms.js';
import { confirm, openDialog } from './dialogs.js';
import { copyButton, note, toast } from './notices.js';
import { guarded, moreButton, searchBox, table } from './lists.js';

const ROLES = [
  ['credential_manager', 'Credential manager', 'manages secrets of the applications that they are assigned to'],
  ['auditor', 'Auditor', 'sees everything, changes nothing'],
  ['admin', 'Admin', 'of the WMDA team: changes everything, reads no secret'],
];
const roleName = (role) => ROLES.find(([known]) => known === role)?.[1] ?? role;

export async function peopleView(main, { signal }) {
  document.title = 'People – Manage API Credentials';
  const list = table('People', ['Name', 'Organisation', 'Roles', 'State', '']);
  const more = h('div', {});
  const problem = h('div', { role: 'alert' });
  const organisations = await all('/organisations', { signal });
  const works = new Map(organisations.map((one) => [one.id, one.name]));
  let search = '';
  const query = (after) => new URLSearchParams({ ...(search && { search }), ...(after && { after }) });
  const load = async (after = null) => show(await get(`/users?${query(after)}`, { signal }), after === null);

  function show(page, fresh) {
    list.fill(page.items.map(cells), {
      fresh,
      empty: search ? 'Nobody has this in their e-mail address.' : 'Nobody yet.',
    });
    replace(
      more,
      moreButton(page.next, () => load(page.next)),
    );
  }

  function cells(one) {
    return [
      [name(one.display_name), h('div', { class: 'muted small' }, name(one.email))],
      one.organisation_id ? name(works.get(one.organisation_id) ?? '–') : 'WMDA team',
      one.roles.map(roleName).join(', ') || '–',
      h(
        'span',
        { class: `badge ${one.enabled ? 'ok' : 'danger'}` },
        icon(one.enabled ? 'check' : 'stop'),
        one.enabled ? 'Enabled' : 'Disabled',
      ),
      isAdmin() &&
        h(
          'button',
          { type: 'button', class: 'button quiet', onclick: () => change(one) },
          'Change',
          h('span', { class: 'unseen' }, ' ', name(one.display_name)),
        ),
    ];
  }

  function change(one) {
    const label = field('Name', input({ maxlength: 120, value: one.display_name }));
    const roles = roleChecks(one.roles);
    const own = one.id === session.user.id;
    const after = async (action, text) => {
      await action();
      dialog.close();
      toast(text);
      await load();
    };
    const failure = h('div', { role: 'alert' });
    const dialog = openDialog({
      title: 'Change a person',
      body: [
        h('p', {}, h('strong', {}, name(one.display_name)), ' ', h('span', { class: 'muted' }, name(one.email))),
        failure,
        form({
          fields: [label, roles],
          submit: 'Save',
          cancel: () => dialog.close(),
          send: () => {
            if (!label.control.value.trim()) {
              label.fail('Write the person’s name.');
              return false;
            }
            return after(
              () => patch(`/users/${one.id}`, { display_name: label.control.value.trim(), roles: roles.chosen() }),
              'The changes were saved.',
            );
          },
        }),
        h('hr', {}),
        h(
          'div',
          { class: 'row' },
          h(
            'button',
            { type: 'button', class: 'button', onclick: () => guarded(failure, () => newLink(one)) },
            'New enrolment link',
          ),
          !own &&
            h(
              'button',
              {
                type: 'button',
                class: `button ${one.enabled ? 'danger quiet' : ''}`,
                onclick: () =>
                  guarded(failure, () =>
                    after(
                      () => patch(`/users/${one.id}`, { enabled: !one.enabled }),
                      one.enabled
                        ? 'The person is disabled and signed out everywhere.'
                        : 'The person may sign in again.',
                    ),
                  ),
              },
              one.enabled ? 'Disable' : 'Enable',
            ),
        ),
        h(
          'p',
          { class: 'muted small' },
          'A new link is for a forgotten password. The authenticator stays and is asked for; whoever lost it needs a recovery code, or the operator.',
        ),
      ],
    });
  }

  async function newLink(one) {
    const agreed = await confirm({
      title: 'Make a new link?',
      yes: 'Make a link',
      body: h(
        'p',
        {},
        'Any earlier link of ',
        name(one.display_name),
        ' stops working. The present password works until the new one is set.',
      ),
    });
    if (agreed) showLink(one, await post(`/users/${one.id}/enrolment`));
  }

  function add() {
    const mail = field('E-mail address', input({ type: 'email', maxlength: 254 }));
    const label = field('Name', input({ maxlength: 120 }));
    const place = field(
      'Organisation',
      select([['', 'WMDA team'], ...organisations.filter((one) => one.enabled).map((one) => [one.id, one.name])]),
    );
    const roles = roleChecks(['credential_manager']);
    place.control.value = organisations.find((one) => one.enabled)?.id ?? '';
    const dialog = openDialog({
      title: 'Add a person',
      body: form({
        fields: [mail, label, place, roles],
        submit: 'Add person',
        cancel: () => dialog.close(),
        send: async () => {
          const [email, shown] = [mail.control.value.trim(), label.control.value.trim()];
          if (!/^\S+@\S+$/.test(email)) mail.fail('Write an e-mail address.');
          if (!shown) label.fail('Write the person’s name.');
          if (!/^\S+@\S+$/.test(email) || !shown) return false;
          const made = await post('/users', {
            email,
            display_name: shown,
            roles: roles.chosen(),
            ...(place.control.value && { organisation_id: place.control.value }),
          });
          dialog.close();
          showLink(made, made);
          await load();
          return true;
        },
      }),
    });
    mail.control.focus();
  }

  await load();
  replace(
    main,
    h(
      'div',
      { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'People'),
      isAdmin() && h('button', { type: 'button', class: 'button primary', onclick: add }, icon('plus'), 'Add a person'),
    ),
    searchBox('Search people by e-mail address', (text) => {
      search = text;
      return load();
    }),
    problem,
    list,
    more,
  );
}

function roleChecks(current) {
  const boxes = ROLES.map(([role, label, what]) =>
    h(
      'label',
      { class: 'check' },
      h('input', { type: 'checkbox', value: role, checked: current.includes(role) }),
      h('span', {}, label, h('span', { class: 'muted small block' }, what)),
    ),
  );
  const element = h('fieldset', { class: 'fieldset' }, h('legend', {}, 'Roles'), h('div', { class: 'checks' }, boxes));
  element.chosen = () => [...element.querySelectorAll('input:checked')].map((one) => one.value);
  return element;
}

/** The link, this once: whoever has it can become this person. */
function showLink(person, link) {
  let taken = false;
  const dialog = openDialog({
    title: 'Enrolment link',
    body: [
      note(
        'warning',
        h(
          'p',
          {},
          h('strong', {}, 'It will not be shown again.'),
          ' Hand it to ',
          name(person.display_name),
          ' and to nobody else: whoever opens it first can set the password.',
        ),
      ),
      h(
        'div',
        { class: 'value-box' },
        h('code', { class: 'value' }, link.enrolment_url),
        copyButton(link.enrolment_url, 'the link', {
          label: 'Copy link',
          kind: 'primary',
          after: () => {
            taken = true;
          },
        }),
      ),
      h('p', { class: 'muted' }, 'It works once, until ', moment(link.enrolment_expires_at), '.'),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'button primary', onclick: () => leave() }, 'Done'),
      ),
    ],
  });
  dialog.guard = Object.assign(() => taken || (ask(), false), {
    unsaved: () => !taken,
    hold: () => !taken && (ask(), true),
  });
  const leave = () => {
    if (dialog.guard()) dialog.close();
  };
  async function ask() {
    const agreed = await confirm({
      title: 'Leave without the link?',
      yes: 'Leave without it',
      no: 'Go back',
      danger: true,
      body: h('p', {}, 'You have not copied it. You can make a new one later.'),
    });
    if (agreed) {
      taken = true;
      dialog.close();
    }
  }
}
