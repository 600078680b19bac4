// Drives a sandbox org: login, CRUD, upsert, Collections, query and queryMore,
// describe, Bulk API 2.0 both ways. Ends with code 1 at the first difference.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import jsforce from 'jsforce';

const { url, clientId, clientSecret } = JSON.parse(process.argv[2]);

const conn = new jsforce.Connection({
  instanceUrl: url,
  version: '64.0',
  callOptions: { client: 'jsforce-test' },
  oauth2: { loginUrl: url, clientId, clientSecret, redirectUri: 'http://localhost/callback' },
});

async function login() {
  const user = await conn.authorize({ grant_type: 'client_credentials' });
  assert.match(user.organizationId, /^00D/);
  const who = await conn.identity();
  assert.equal(who.username, 'integration.user@sandbox.example');
}

async function crud() {
  const made = await conn.sobject('Account').create({ Name: 'jsforce', AnnualRevenue: 350000000 });
  assert.ok(made.success);
  const read = await conn.sobject('Account').retrieve(made.id);
  assert.equal(read.Name, 'jsforce');
  assert.equal(read.AnnualRevenue, 350000000);
  const changed = await conn.sobject('Account').update({ Id: made.id, Phone: '1' });
  assert.ok(changed.success);
  const gone = await conn.sobject('Account').destroy(made.id);
  assert.ok(gone.success);
  await assert.rejects(conn.sobject('Account').retrieve(made.id), { errorCode: 'ENTITY_IS_DELETED' });
  await assert.rejects(conn.sobject('Account').create({}), { errorCode: 'REQUIRED_FIELD_MISSING' });
  assert.equal(conn.limitInfo.apiUsage.limit, 5000000);
}

async function upsert() {
  const first = await conn.sobject('Account').upsert({ External_ID__c: 'js-1', Name: 'one' }, 'External_ID__c');
  assert.equal(first.created, true);
  const second = await conn.sobject('Account').upsert({ External_ID__c: 'js-1', Name: 'uno' }, 'External_ID__c');
  assert.equal(second.created, false);
  assert.equal(second.id, first.id);
}

async function collections() {
  const rows = Array.from({ length: 201 }, (_, i) => ({ Name: `many ${i}`, External_ID__c: `jm-${i}` }));
  const made = await conn.sobject('Account').create(rows, { allowRecursive: true });
  assert.equal(made.filter((r) => r.success).length, 201);
  const mixed = await conn.sobject('Account').create([{ Name: 'good' }, {}], { allOrNone: false });
  assert.deepEqual(mixed.map((r) => r.success), [true, false]);
  assert.equal(mixed[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING');
  const none = await conn.sobject('Account').create([{ Name: 'good' }, {}], { allOrNone: true });
  assert.equal(none[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK');
  const again = await conn.sobject('Account').upsert(rows.slice(0, 3), 'External_ID__c');
  assert.deepEqual(again.map((r) => r.created), [false, false, false]);
  const read = await conn.sobject('Account').retrieve(made.slice(0, 2).map((r) => r.id));
  assert.deepEqual(read.map((r) => r.Name), ['many 0', 'many 1']);
  const gone = await conn.sobject('Account').destroy(made.slice(0, 5).map((r) => r.id));
  assert.ok(gone.every((r) => r.success));
}

async function queries() {
  const page = await conn.query("SELECT Id, Name, Owner.Name FROM Account WHERE Name LIKE 'many%' ORDER BY Name");
  assert.equal(page.totalSize, 196);
  assert.equal(page.records[0].Owner.Name, 'Integration User');
  const all = await conn.query('SELECT Id FROM Contact', { autoFetch: true, maxFetch: 10000 });
  assert.equal(all.totalSize, 4500);
  assert.equal(all.records.length, 4500);
  let res = await conn.query('SELECT Id FROM Contact');
  let seen = res.records.length;
  while (!res.done) {
    res = await conn.queryMore(res.nextRecordsUrl);
    seen += res.records.length;
  }
  assert.equal(seen, 4500);
  const found = await conn.sobject('Account').find({ Name: 'uno' }, ['Id', 'Name', 'CreatedDate']).limit(5);
  assert.equal(found.length, 1);
  const count = await conn.query('SELECT COUNT() FROM Contact');
  assert.equal(count.totalSize, 4500);
  const gone = await conn.query("SELECT Id FROM Account WHERE IsDeleted = true", { scanAll: true });
  assert.equal(gone.totalSize, 6);
  await assert.rejects(conn.query('SELECT Nope FROM Account'), { errorCode: 'INVALID_FIELD' });
}

async function describes() {
  const global = await conn.describeGlobal();
  assert.ok(global.sobjects.some((o) => o.name === 'Account'));
  const account = await conn.sobject('Account').describe();
  assert.ok(account.fields.some((f) => f.name === 'External_ID__c' && f.externalId));
  const limits = await conn.limits();
  assert.equal(limits.DailyApiRequests.Max, 5000000);
  const since = new Date(Date.now() - 3600_000);
  const updated = await conn.sobject('Account').updated(since, new Date());
  assert.ok(Array.isArray(updated.ids) && updated.latestDateCovered);
  const deleted = await conn.sobject('Account').deleted(since, new Date());
  assert.equal(deleted.deletedRecords.length, 6);
}

async function bulk() {
  conn.bulk2.pollInterval = 10;
  conn.bulk2.pollTimeout = 30_000;
  const stream = await conn.bulk2.query('SELECT Id, Name, AnnualRevenue FROM Contact WHERE Id != null'.replace(', AnnualRevenue', ', Email'));
  let rows = 0;
  for await (const row of stream) {
    assert.match(row.Id, /^003/);
    rows++;
  }
  assert.equal(rows, 4500);
  const loaded = await conn.bulk2.loadAndWaitForResults({
    object: 'Account',
    operation: 'upsert',
    externalIdFieldName: 'External_ID__c',
    input: [
      { External_ID__c: 'js-1', Name: 'by bulk', Description: 'two\nlines, "quoted"' },
      { External_ID__c: 'jb-2', Name: 'new' },
      { External_ID__c: 'jb-3', Name: '' },
    ],
  });
  assert.equal(loaded.successfulResults.length, 2);
  assert.equal(loaded.failedResults.length, 1);
  assert.match(loaded.failedResults[0].sf__Error, /^REQUIRED_FIELD_MISSING:/);
  assert.deepEqual(loaded.successfulResults.map((r) => r.sf__Created).sort(), ['false', 'true']);
  const job = conn.bulk2.createJob({ operation: 'delete', object: 'Account' });
  await job.open();
  await job.uploadData(loaded.successfulResults.map((r) => ({ Id: r.sf__Id })));
  await job.close();
  await job.poll(10, 30_000);
  const info = await job.check();
  assert.equal(info.state, 'JobComplete');
  assert.equal(info.numberRecordsFailed, 0);
}

for (const step of [login, crud, upsert, collections, queries, describes, bulk]) {
  try {
    await step();
  } catch (err) {
    console.error(`${step.name}: ${err.stack ?? err}`);
    process.exit(1);
  }
}
const own = JSON.parse(await readFile(new URL('./package.json', import.meta.url)));
console.log(`jsforce ${own.dependencies.jsforce}: all steps passed`);
process.exit(0);
