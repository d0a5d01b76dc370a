import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'chai'
import { parse } from 'yaml'
import type { Delivery } from '../../shared/protocol.ts'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { quarantineRequest } from '../support/quarantine.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

interface Operation {
  readonly responses: Readonly<Record<string, unknown>>
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly messages: object }>>
}

const openapi = parse(read('shared/openapi.yaml')) as OpenApi
const asyncapi = parse(read('shared/asyncapi.yaml')) as AsyncApi

/** Returns a function that validates a value against the schema at a path of the description, and throws the errors. */
function createValidator(description: object) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addSchema(description, 'description')
  return (path: readonly string[], value: unknown): void => {
    const pointer = path
      .map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
      .map(encodeURIComponent)
    const validateSchema = ajv.getSchema(`description#/${pointer.join('/')}`)
    if (validateSchema === undefined) throw new Error(`no schema at ${path.join(' ')}`)
    if (validateSchema(value) !== true) {
      throw new Error(`${path.join(' ')}: ${ajv.errorsText(validateSchema.errors)}\n${JSON.stringify(value)}`)
    }
  }
}

describe('API descriptions', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  beforeEach(async () => {
    gateway = await startGatewayProcess({ TEST_RECALLS: 'on' })
    onCleanUp(gateway.stop)
  })

  it('are valid OpenAPI and AsyncAPI', async () => {
    const { valid, errors } = await new Validator().validate({ ...openapi })
    expect(errors).to.equal(undefined)
    expect(valid).to.equal(true)
    const require = createRequire(import.meta.url)
    const schema = JSON.parse(
      readFileSync(require.resolve('@asyncapi/specs/schemas/3.0.0.json'), 'utf8'),
    ) as object
    // The schema contains its own copy of the JSON schema metaschema.
    const ajv = new Ajv({ strict: false, meta: false, validateSchema: false, validateFormats: false })
    expect(ajv.validate(schema, asyncapi), ajv.errorsText()).to.equal(true)
  })

  it('list exactly the served paths', () => {
    const served = [
      ...`${read('server/api/api.ts')}${read('server/api/status.ts').split('export function refuseStatus')[0]}`.matchAll(
        /router\.(get|post|delete)\(\s*'([^']+)'/g,
      ),
    ].map(([, method = '', path = '']) => `${method} ${path.replace(/:(\w+)/, '{$1}')}`)
    const described = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect(described.toSorted()).to.deep.equal(served.toSorted())
  })

  it('list exactly the events of the protocol', () => {
    const protocol = read('shared/PROTOCOL.md')
    const headings = (from: string, to: string): string[] => {
      const part = protocol.slice(protocol.indexOf(from), protocol.indexOf(to))
      return [...part.matchAll(/^### `([\w-]+)`/gm)].map(([, name = '']) => name).toSorted()
    }
    const messages = (channel: string): string[] =>
      Object.keys(asyncapi.channels[channel]?.messages ?? {}).toSorted()
    expect(messages('requests')).to.deep.equal(headings('## From the client', '## From the node'))
    expect(messages('events')).to.deep.equal(headings('## From the node', '## Guarantees'))
  })

  it('match the HTTP API', async () => {
    const validate = createValidator(openapi)
    const token = await adminToken()
    const call = async (method: string, path: string, body?: object, bearer = token) => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: method.toUpperCase(),
        headers: { Authorization: `Bearer ${bearer}` },
        ...(body && { body: JSON.stringify(body) }),
      })
      const content: unknown = await response.json()
      const [plain = ''] = path.replace(/[0-9a-f-]{36}-\d+/, '{id}').split('?')
      const where =
        response.status === 200
          ? ['paths', plain, method, 'responses', '200']
          : ['components', 'responses', 'Refused']
      validate([...where, 'content', 'application/json', 'schema'], content)
      return response.status
    }
    const topic = { GroupId: 'g', TopicId: 't', MsgSeqList: [{ MsgSeq: 1, MsgId: 'id' }] }
    for (const body of [recallBody({ ...topic, EventTime: undefined }), recallBody({ GroupId: 'g' })]) {
      expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
    }
    const member = await makeToken({ rooms: [{ group: 'g' }] })
    const client = await connect(gateway.url, member)
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    for (const [method, path, body] of [
      ['get', '/v1/position?group=g'],
      ['get', '/v1/position?feed=true'],
      ['get', '/v1/notices?feed=true'],
      ['get', '/v1/notices?group=g&since=other:1'],
      ['get', '/v1/recalled?group=g&seqs=1-200'],
      ['post', '/v1/test-recall', { c2c: ['b', 'a'], keys: ['1_2_3'] }],
      ['post', '/v1/test-recall', { official: 'o', keys: ['1', '2'] }],
      ['get', '/v1/position?c2c=b&c2c=a'],
      ['get', '/v1/notices?official=o'],
      ['get', '/v1/recalled?c2c=a&c2c=b&keys=1_2_3'],
      ['get', '/v1/recalled?official=o&keys=1&keys=3'],
      ['get', '/v1/notices?feed=true'],
      ['get', '/v1/search'],
      ['get', '/v1/top'],
      ['get', '/v1/delivery?group=g&at=other:1'],
      ['get', '/v1/search?q=group:g&limit=1'],
      ['get', '/v1/search?q=unknown'],
      ['get', '/v1/status'],
      ['get', '/v1/whoami'],
      ['get', '/v1/doctor'],
      ['get', '/v1/sign-in'],
      ['get', '/v1/configuration'],
      ['get', '/v1/health-history'],
      ['get', '/v1/user-presence?userId=user-1'],
      ['get', '/v1/room-presence?group=g'],
      ['post', '/v1/test-recall', { group: 'g', topic: 't', seqs: [7] }],
      ['post', '/v1/disconnect', { userId: 'nobody', group: 'g', topic: 't', forS: 1 }],
      ['post', '/v1/disconnect', { userId: 'nobody', c2c: ['nobody', 'a'] }],
      ['post', '/v1/disconnect', { userId: 'nobody' }],
      ['get', '/v1/revocations'],
      ['delete', '/v1/revocations?userId=nobody'],
      ['delete', '/v1/left-folders?folder=nobody-knows-it'],
      ['get', '/v1/audit'],
      ['get', '/v1/audit?limit=1'],
    ] as const) {
      expect(await call(method, path, body), path).to.equal(200)
    }
    expect(await call('get', '/v1/position?group=g&topic=t', undefined, member)).to.equal(200)
    expect(await call('get', '/v1/notices?group=g', undefined, member)).to.equal(200)
    expect(await call('get', '/v1/whoami', undefined, member)).to.equal(200)
    expect(await call('get', '/v1/status', undefined, member)).to.equal(403)
    expect(await call('get', '/v1/notices')).to.equal(400)

    for (const body of ['no json', '[]', '{}'])
      expect((await postWebhook(gateway.url, { body })).status).to.equal(400)
    const { entries } = (await quarantineRequest<'GET '>(gateway.url, 'GET')).body
    const [first, second] = entries
    for (const [method, path] of [
      ['get', '/v1/quarantine'],
      ['get', '/v1/quarantine?limit=1&order=oldest'],
      ['get', `/v1/quarantine/${first?.id}`],
      ['post', `/v1/quarantine/${first?.id}/retry`],
      ['post', '/v1/quarantine/retry?kind=webhook'],
      ['delete', `/v1/quarantine/${second?.id}`],
      ['delete', '/v1/quarantine?kind=webhook'],
    ] as const)
      expect(await call(method, path), path).to.equal(200)
    expect(await call('get', `/v1/quarantine/${first?.id}`)).to.equal(404)
  })

  it('match the socket events', async () => {
    const validate = createValidator(asyncapi)
    const payload = (name: string, value: unknown): void =>
      validate(['components', 'messages', name, 'payload'], value)
    const auth = { token: await makeToken({ rooms: [{ group: 'g' }] }), subscribe: [{ group: 'g' }] }
    payload('refresh', auth)
    const client = await connect(gateway.url, undefined, { auth })
    onCleanUp(client.close)
    await waitUntil('it has subscribed', () => client.answers.length > 0)
    payload('subscribed', client.answers[0])
    payload('subscribed', { index: 1, answer: await client.request({ group: 'other' }) })
    const events = new Map<string, unknown>()
    client.socket.onAny((name: string, value: unknown) => events.set(name, value))
    events.set('hello', client.hello())
    const doubt: Delivery = { proved: false, doubtMs: 2_000, reason: 'r' }
    for (const rooms of [{}, { rooms: [{ group: 'g' }] }])
      for (const delivery of [{ proved: true }, doubt]) payload('delivery', { ...delivery, ...rooms })
    const exchange = async (
      name: Parameters<typeof client.request>[1],
      request: object,
      response: string,
    ) => {
      if (response !== 'refused') payload(name ?? '', request)
      payload(response, await client.request(request, name))
    }
    await exchange('subscribe', { group: 'g', since: { epoch: 'other', offset: 1 } }, 'subscribeAnswer')
    await exchange('recalled', { group: 'g', seqs: [1, 130] }, 'recalledAnswer')
    for (const room of [{ c2c: ['z', 'user-1'] }, { c2c: ['user-1', 'z'] }]) {
      await exchange('subscribe', { ...room, since: { epoch: 'other', offset: 1 } }, 'subscribeAnswer')
      await exchange('recalled', { ...room, keys: ['1_2_3'] }, 'recalledAnswer')
      await exchange('unsubscribe', room, 'done')
    }
    await exchange('subscribe', { official: 'other' }, 'refused')
    await exchange('unsubscribe', { group: 'g' }, 'done')
    await exchange('subscribe', { group: 'g' }, 'subscribeAnswer')
    await exchange('subscribe', { group: 'other' }, 'refused')
    await exchange('refresh', { token: await makeToken({ rooms: [{ group: 'g' }] }) }, 'refreshed')
    await postWebhook(gateway.url, { body: recallBody({ GroupId: 'g' }) })
    await client.count(1)
    const token = await adminToken()
    await postDisconnect(gateway.url, token, { userId: 'user-1', group: 'g' })
    await waitUntil('the room is revoked', () => events.has('unsubscribed'))
    await postDisconnect(gateway.url, token, { userId: 'user-1' })
    await waitUntil('the user is disconnected', () => events.has('goodbye'))
    for (const [name, value] of events) payload(name, value)
    const told = ['goodbye', 'hello', 'messages-recalled', 'unsubscribed']
    expect([...events.keys()].toSorted()).to.deep.equal(told)
  })

  it('are served as web pages and JSON', async () => {
    const of = async (path: string) => {
      const response = await fetch(`${gateway.url}/docs/${path}`)
      return { type: response.headers.get('content-type') ?? '', text: await response.text() }
    }
    const api = await of('http-api.html')
    expect(api.type).to.include('text/html')
    for (const path of Object.keys(openapi.paths)) expect(api.text).to.include(` ${path}</code>`)
    expect(JSON.parse((await of('openapi.json')).text)).to.deep.equal(openapi)
    expect(JSON.parse((await of('asyncapi.json')).text)).to.deep.equal(asyncapi)
  })
})
