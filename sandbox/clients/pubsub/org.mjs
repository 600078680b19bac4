// What both drivers need of the org under test: a session, REST calls that
// make events, the control plane, and the gRPC stub. The stub is made from the
// proto that salesforce-pubsub-api-client ships, not from the server's own.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import avro from 'avro-js';

export const target = JSON.parse(process.argv[2]);

const proto = fileURLToPath(new URL('./node_modules/salesforce-pubsub-api-client/pubsub_api.proto', import.meta.url));
const { eventbus } = grpc.loadPackageDefinition(protoLoader.loadSync(proto, { defaults: true, enums: String, longs: Number }));

const login = await fetch(`${target.url}/services/oauth2/token`, {
  method: 'POST',
  body: new URLSearchParams({ grant_type: 'client_credentials', client_id: target.clientId, client_secret: target.clientSecret }),
}).then((r) => r.json());
export const orgId = login.id.split('/').at(-2);

export async function rest(method, path, body) {
  const res = await fetch(`${target.url}/services/data/v64.0${path}`, {
    method,
    headers: { Authorization: `Bearer ${login.access_token}`, 'Content-Type': 'application/json', 'Sforce-Call-Options': 'client=node/1' },
    body: body && JSON.stringify(body),
  });
  const text = await res.text();
  assert.ok(res.ok, `${method} ${path}: ${res.status} ${text}`);
  return text && JSON.parse(text);
}

export async function control(endpoint, body) {
  const res = await fetch(`${target.url}/_sandbox/${endpoint}`, { method: 'POST', body: JSON.stringify(body) });
  assert.ok(res.ok, `${endpoint}: ${await res.text()}`);
}

export const client = new eventbus.v1.PubSub(target.pubsub, grpc.credentials.createInsecure());

export function metadata() {
  const m = new grpc.Metadata();
  m.set('accesstoken', login.access_token);
  m.set('instanceurl', target.url);
  m.set('tenantid', orgId);
  return m;
}

export function unary(name, request, meta = metadata()) {
  return new Promise((resolve, reject) => client[name](request, meta, (err, res) => (err ? reject(err) : resolve(res))));
}

/** A bidirectional call whose responses are read one by one. */
export class Stream {
  constructor(name, meta = metadata()) {
    this.call = client[name](meta);
    this.waiting = [];
    this.had = [];
    this.call.on('data', (d) => this.put({ value: d }));
    this.call.on('error', (error) => this.put({ error }));
    this.call.on('end', () => this.put({ end: true }));
  }

  put(x) {
    if (this.waiting.length > 0) this.waiting.shift()(x);
    else this.had.push(x);
  }

  ask(request) {
    this.call.write(request);
    return this;
  }

  async next() {
    const x = this.had.shift() ?? (await new Promise((resolve) => this.waiting.push(resolve)));
    if (x.error) throw x.error;
    return x.value; // undefined at the end
  }

  /** The next n events, whatever responses they come in. */
  async events(n) {
    const list = [];
    while (list.length < n) {
      const res = await this.next();
      assert.ok(res, `the stream ended after ${list.length} of ${n} events`);
      list.push(...res.events);
      this.last = res;
    }
    return list;
  }
}

const schemas = new Map();

export async function schema(id) {
  if (!schemas.has(id)) {
    const { schemaJson } = await unary('GetSchema', { schemaId: id });
    schemas.set(id, avro.parse(JSON.parse(schemaJson)));
  }
  return schemas.get(id);
}

export async function decode(e) {
  const type = await schema(e.event.schemaId);
  return { type, replayId: e.replayId, ...type.fromBuffer(e.event.payload) };
}

/** Asserts that a call ends with a gRPC status and an error-code trailer. */
export async function refused(promise, code, name) {
  await assert.rejects(promise, (err) => {
    assert.equal(err.code, grpc.status[code], String(err));
    assert.deepEqual(err.metadata.get('error-code'), [name]);
    return true;
  });
}
