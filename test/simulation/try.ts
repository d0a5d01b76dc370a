import './world/install.ts'
import { Disks, disks } from './world/lmdb.ts'
import { net, Network } from './world/network.ts'
import { Random } from './world/random.ts'
import { OUTSIDE, Schedule, SimProcess } from './world/schedule.ts'
import { world } from './world/globals.ts'

world.schedule = new Schedule()
world.random = new Random(1)
net.network = new Network()
disks.current = new Disks()
const { startGateway } = await import('../../server/gateway.ts')
const { readConfig } = await import('../../server/config/read-config.ts')
const { createRecallClient } = await import('../../shared/client.ts')
const { makeToken } = await import('../support/client.ts')
const { postWebhook, recallBody } = await import('../support/webhook.ts')
void postWebhook
void recallBody
import { mkdtempSync } from 'node:fs'
const dir = mkdtempSync('/tmp/sim-')
const log: any = new Proxy(
  {},
  {
    get:
      (_t, level) =>
      (...args: unknown[]) => {
        if (level === 'child') return log
        if (level !== 'debug')
          console.log(world.schedule.nowMs.toFixed(1), level, JSON.stringify(args).slice(0, 300))
      },
  },
)
const { schedule } = world
const node = new SimProcess('node')
const client = new SimProcess('client')
process.on('unhandledRejection', (e) => console.log('UNHANDLED', schedule.current.name, e))
schedule.after(0, node, () => {
  const config = readConfig({
    SDK_APP_ID: '1400000000',
    WEBHOOK_TOKEN: 'test-webhook-token',
    JWT_SECRET: 'test-jwt-secret-of-at-least-32-characters',
    HOST: '127.0.0.1',
    PORT: '8080',
    DATA_DIR: dir,
    ...(process.env.REDIS_URL ? { REDIS_URL: process.env.REDIS_URL } : {}),
  })
  startGateway(config, log).then(
    (g) => console.log('started', g.port),
    (e) => console.log('failed', e),
  )
})
schedule.after(500, client, () => {
  const c = createRecallClient({
    url: 'http://127.0.0.1:8080',
    getToken: () => makeToken({ role: 'admin', rooms: [] }),
  } as never)
  c.on('state', (s: unknown) => console.log(schedule.nowMs, 'state', JSON.stringify(s)))
  c.on('error', (s: unknown) => console.log(schedule.nowMs, 'error', s))
  c.subscribe({ group: 'g' }, (n: unknown) => console.log(schedule.nowMs, 'notice', JSON.stringify(n)))
})
await schedule.run(() => schedule.nowMs > 5000)
const t0 = process.hrtime.bigint(),
  e0 = schedule.events
await schedule.run(() => schedule.nowMs > 605_000)
const ms = Number(process.hrtime.bigint() - t0) / 1e6
console.log({
  ms,
  events: schedule.events - e0,
  virtualMinutesPerRealMinute: 600_000 / ms,
  fp: schedule.fingerprint,
  conns: net.network.connections,
})
void OUTSIDE
process.exit(0)
