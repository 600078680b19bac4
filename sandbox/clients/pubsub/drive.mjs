// Drives the Pub/Sub API of a sandbox org. Ends with code 1 at the first
// difference.
import assert from 'node:assert/strict';
import PubSubApiClient from 'salesforce-pubsub-api-client';
import { client, control, decode, metadata, orgId, refused, rest, schema, Stream, target, unary } from './org.mjs';

const prefix = 'sfdc.platform.eventbus.grpc.';
const accounts = '/data/AccountChangeEvent';

async function topics() {
  const t = await unary('GetTopic', { topicName: accounts });
  assert.deepEqual({ ...t, schemaId: '', rpcId: '' },
    { topicName: accounts, tenantGuid: orgId, canPublish: false, canSubscribe: true, schemaId: '', rpcId: '' });
  const type = await schema(t.schemaId);
  assert.equal(type.getName(), 'com.sforce.eventbus.AccountChangeEvent');
  assert.equal(type.getFields()[0].getName(), 'ChangeEventHeader');
  await refused(unary('GetTopic', { topicName: '/data/NopeChangeEvent' }), 'NOT_FOUND', `${prefix}topic.not.found`);
  await refused(unary('GetSchema', { schemaId: 'nope' }), 'NOT_FOUND', `${prefix}schema.not.found`);
  const bad = metadata();
  bad.set('accesstoken', '00D!none');
  await refused(unary('GetTopic', { topicName: accounts }, bad), 'UNAUTHENTICATED', `${prefix}service.auth.error`);
}

async function replay() {
  const s = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'EARLIEST', numRequested: 2 });
  const made = [];
  for (const Name of ['one', 'two', 'three']) made.push((await rest('POST', '/sobjects/Account', { Name })).id);
  const first = await s.events(2);
  assert.equal(s.last.pendingNumRequested, 0);
  assert.deepEqual(s.last.latestReplayId, first[1].replayId);
  s.ask({ topicName: accounts, numRequested: 5 });
  const [third] = await s.events(1);
  assert.equal(s.last.pendingNumRequested, 4);
  const header = (await decode(third)).ChangeEventHeader;
  assert.deepEqual([header.entityName, header.changeType, header.recordIds, header.changeOrigin],
    ['Account', 'CREATE', [made[2]], 'com/salesforce/api/rest/64.0;client=node/1']);
  s.call.end();

  const again = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'CUSTOM', replayId: first[0].replayId, numRequested: 1 });
  assert.deepEqual((await again.events(1))[0].replayId, first[1].replayId);
  again.call.end();
  assert.equal(await again.next(), undefined); // all that was asked for was sent

  const broken = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'CUSTOM', replayId: Buffer.from('x'), numRequested: 1 });
  await refused(broken.next(), 'INVALID_ARGUMENT', `${prefix}subscription.fetch.replayid.corrupted`);
  await control('expire', { events: true });
  const old = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'CUSTOM', replayId: first[0].replayId, numRequested: 1 });
  await refused(old.next(), 'INVALID_ARGUMENT', `${prefix}subscription.fetch.replayid.validation.failed`);
}

async function keepalive() {
  await control('switches', { events: { keepaliveSeconds: 1 } });
  const s = new Stream('Subscribe').ask({ topicName: accounts, numRequested: 3 });
  const res = await s.next();
  assert.equal(res.events.length, 0);
  assert.equal(res.latestReplayId.length, 8);
  assert.equal(res.pendingNumRequested, 3);
  const back = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'CUSTOM', replayId: res.latestReplayId, numRequested: 1 });
  await rest('POST', '/sobjects/Account', { Name: 'after' });
  assert.equal((await decode((await back.events(1))[0])).Name.string, 'after');
  await control('switches', { events: { keepaliveSeconds: 270 } });
  s.call.cancel();
  back.call.cancel();
}

const everyType = {
  S__c: [{ type: 'string', length: 80 }, 'é"x"', { string: 'é"x"' }],
  A__c: [{ type: 'textarea' }, 'a\nb', { string: 'a\nb' }],
  L__c: [{ type: 'textarea', length: 32000 }, 'long', { string: 'long' }],
  P__c: [{ type: 'picklist', values: ['x', 'y'] }, 'x', { string: 'x' }],
  M__c: [{ type: 'multipicklist', values: ['x', 'y'] }, 'y;x', { string: 'x;y' }],
  E__c: [{ type: 'email' }, 'a@b.example', { string: 'a@b.example' }],
  T__c: [{ type: 'phone' }, '1', { string: '1' }],
  U__c: [{ type: 'url' }, 'http://x', { string: 'http://x' }],
  B__c: [{ type: 'boolean' }, true, { boolean: true }],
  I__c: [{ type: 'int', digits: 8 }, 7, { int: 7 }],
  D__c: [{ type: 'double', precision: 18, scale: 2 }, 1.25, { double: 1.25 }],
  C__c: [{ type: 'currency', precision: 16, scale: 2 }, 350000000, { double: 3.5e8 }],
  R__c: [{ type: 'percent', precision: 5, scale: 2 }, 75, { double: 75 }],
  Y__c: [{ type: 'date' }, '1970-01-02', { long: 86400000 }],
  Z__c: [{ type: 'datetime' }, '2026-11-22T14:35:00+02:00', { long: 1795350900000 }],
  H__c: [{ type: 'time' }, '14:35:00.000Z', { long: 52500000 }],
};

async function fieldTypes() {
  const fields = Object.entries(everyType).map(([name, [def]]) => ({ name, ...def }));
  fields.push({ name: 'X__c', type: 'reference', referenceTo: ['Account'], relationshipName: 'X__r' });
  fields.push({ name: 'G__c', type: 'location' });
  await control('schema', { action: 'load', file: { objects: [{ name: 'Every__c', keyPrefix: 'a77', fields }] } });
  await control('events', { select: ['Every__c', 'Contact', 'Account'] });
  const account = await rest('POST', '/sobjects/Account', { Name: 'p' });
  await control('expire', { events: true });
  const s = new Stream('Subscribe').ask({ topicName: '/data/ChangeEvents', replayPreset: 'EARLIEST', numRequested: 5 });
  const body = Object.fromEntries(Object.entries(everyType).map(([name, [, written]]) => [name, written]));
  await rest('POST', '/sobjects/Every__c', { ...body, X__c: account.id, G__Latitude__s: 50.7, G__Longitude__s: 7.1 });
  const contact = await rest('POST', '/sobjects/Contact', { FirstName: 'Ada', LastName: 'B', MailingCity: 'Bonn', MailingLatitude: 50.7 });
  await rest('PATCH', `/sobjects/Contact/${contact.id}`, { FirstName: null, MailingStreet: 'A 1' });

  const [every, made, changed] = await Promise.all((await s.events(3)).map(decode));
  for (const [name, [, , read]] of Object.entries(everyType)) assert.deepEqual({ ...every[name] }, read, name);
  assert.deepEqual({ ...every.X__c }, { string: account.id });
  const place = Object.values(every.G__c)[0];
  assert.deepEqual([place.Latitude.double, place.Longitude.double], [50.7, 7.1]);

  const name = Object.values(made.Name)[0];
  assert.deepEqual([name.FirstName.string, name.LastName.string, name.Salutation], ['Ada', 'B', null]);
  const address = Object.values(made.MailingAddress)[0];
  assert.deepEqual([address.City.string, address.Latitude.double, address.Street], ['Bonn', 50.7, null]);

  assert.deepEqual(bits(changed.type, changed.ChangeEventHeader.changedFields), ['LastModifiedDate', 'MailingAddress.Street', 'Name.FirstName']);
  assert.deepEqual(bits(changed.type, changed.ChangeEventHeader.nulledFields), ['Name.FirstName']);
  s.call.cancel();
}

/** Names behind bitmaps, from the words of the documentation: bit 0 is the header. */
function bits(type, maps) {
  const names = [];
  const read = (fields, hex, before) => {
    assert.match(hex, /^0x([0-9A-F]{2})+$/);
    for (let n = BigInt(hex), i = 0; n > 0n; n >>= 1n, i++) if (n & 1n) names.push(before + fields[i].getName());
  };
  for (const map of maps) {
    const [place, hex] = map.startsWith('0x') ? [null, map] : map.split('-');
    if (place === null) {
      read(type.getFields(), hex, '');
      continue;
    }
    const parent = type.getFields()[Number(place)];
    const record = parent.getType().getTypes().find((t) => t.getFields);
    read(record.getFields(), hex, `${parent.getName()}.`);
  }
  return names.sort();
}

async function publish() {
  const fields = [{ name: 'Text__c', type: 'string', length: 80 }];
  await control('schema', { action: 'load', file: { objects: [{ name: 'Ping__e', label: 'Ping', keyPrefix: 'e00', fields }] } });
  const topicName = '/event/Ping__e';
  const { schemaId } = await unary('GetTopic', { topicName });
  const type = await schema(schemaId);
  const event = (id, text) => ({ id, schemaId, payload: type.toBuffer({ CreatedDate: 1, CreatedById: '005', Text__c: { string: text } }) });
  const s = new Stream('Subscribe').ask({ topicName, replayPreset: 'EARLIEST', numRequested: 9 });
  const res = await unary('Publish', { topicName, events: [event('a', 'hello'), { id: 'b', schemaId, payload: Buffer.from([1]) }] });
  assert.deepEqual(res.results.map((r) => [r.correlationKey, r.error?.code ?? null]), [['a', null], ['b', 'PUBLISH']]);
  const out = new Stream('PublishStream').ask({ topicName, events: [event('c', 'one')] });
  assert.equal((await out.next()).results[0].correlationKey, 'c');
  out.ask({ events: [event('d', 'two')] });
  assert.equal((await out.next()).results[0].replayId.length, 8);
  out.call.end();
  assert.equal(await out.next(), undefined);
  const got = await Promise.all((await s.events(3)).map(decode));
  assert.deepEqual(got.map((e) => e.Text__c.string), ['hello', 'one', 'two']);
  s.call.cancel();
  await refused(unary('Publish', { topicName: accounts, events: [event('e', 'x')] }), 'PERMISSION_DENIED', `${prefix}topic.permission.denied`);
}

async function quota() {
  await rest('POST', '/sobjects/Account', { Name: 'one too many' });
  await control('switches', { events: { dailyDeliveries: 1 } });
  const s = new Stream('Subscribe').ask({ topicName: accounts, replayPreset: 'EARLIEST', numRequested: 9 });
  const drain = async () => {
    while (await s.next());
  };
  await refused(drain(), 'RESOURCE_EXHAUSTED', `${prefix}subscription.limit.exceeded`);
  await control('switches', { events: { dailyDeliveries: 0 } });
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The ready-made client, over TLS with the org's own certificate. */
async function readyMade() {
  const c = new PubSubApiClient({
    authType: 'oauth-client-credentials', loginUrl: target.url, clientId: target.clientId, clientSecret: target.clientSecret,
    pubSubEndpoint: target.pubsubTls, rejectUnauthorizedSsl: false,
  }, silent);
  await c.connect();
  await control('expire', { events: true });
  const { id } = await rest('POST', '/sobjects/Account', { Name: 'tick' });
  await rest('PATCH', `/sobjects/Account/${id}`, { Phone: '2', BillingCity: 'Ulm' });
  const got = [];
  await new Promise((resolve, reject) => {
    c.subscribeFromEarliestEvent(accounts, (info, kind, data) => {
      if (kind === 'event') got.push(data.payload);
      if (kind === 'lastEvent') resolve();
      if (kind === 'error') reject(data);
    }, 2);
  });
  assert.deepEqual(got.map((p) => p.ChangeEventHeader.changeType), ['CREATE', 'UPDATE']);
  assert.equal(got[0].Name, 'tick');
  assert.deepEqual(got[1].ChangeEventHeader.changedFields, ['Phone', 'LastModifiedDate', 'BillingAddress.City']);
  const ping = await c.publish('/event/Ping__e', { CreatedDate: 1, CreatedById: '005', Text__c: { string: 'hi' } }, 'key-1');
  assert.equal(ping.correlationKey, 'key-1');
  assert.ok(ping.replayId > 0);
  c.close();
}

for (const step of [topics, replay, keepalive, fieldTypes, publish, quota, readyMade]) {
  try {
    await step();
  } catch (err) {
    console.error(`${step.name}: ${err.stack ?? err}`);
    process.exit(1);
  }
}
client.close();
console.log('gRPC for Node and salesforce-pubsub-api-client: all steps passed');
process.exit(0);
