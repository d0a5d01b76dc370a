import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { signedQuery } from '../support/webhook.ts'
import { nowUs } from './clock.ts'
import { cpuOf } from './process-usage.ts'
import { Histogram, median } from './statistics.ts'
import { formatNumber, toTable } from './table.ts'

const PEER = fileURLToPath(new URL('relay-peer.js', import.meta.url))
const COMMAND = 'Group.CallbackBeforeSendMsg'
const BODY = Buffer.from(
  JSON.stringify({
    CallbackCommand: COMMAND,
    GroupId: '@TGS#1',
    From_Account: 'jared',
    MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: 'red packet '.repeat(10) } }],
  }),
)
/** One request after another shows what the relay adds; many show how many it can pass on. */
const LOADS = [
  { connections: 1, requests: 2_000 },
  { connections: 64, requests: 10_000 },
]

interface Peer {
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

interface Figures {
  readonly perS: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuS: number
}

/** Prints what the relay adds to a backend, beside a bare forwarder. All take turns, so that other load affects them alike. */
export async function printRelay(
  { reps, share }: { readonly reps: number; readonly share: number },
  print: (text: string) => void,
): Promise<void> {
  const backend = await startPeer([])
  const bare = await startPeer([String(backend.port)])
  const settings = { RELAY_URL: `http://127.0.0.1:${backend.port}`, RELAY_FALLBACK: 'deny' }
  const gateway = await startGatewayProcess(settings)
  const peers: Readonly<Record<string, Pick<Peer, 'port' | 'pid'>>> = {
    'the backend alone': backend,
    'node:http and undici': bare,
    'the relay': gateway,
  }
  try {
    for (const { connections, requests } of LOADS) {
      const figuresOf = new Map<string, Figures[]>(Object.keys(peers).map((name) => [name, []]))
      // The first round warms up.
      for (let rep = 0; rep <= reps; rep++)
        for (const [name, peer] of Object.entries(peers)) {
          process.stderr.write(`${connections} connections, ${name}, ${rep} of ${reps}\n`)
          const figures = await measure(peer, connections, Math.ceil(requests * share))
          if (rep > 0) figuresOf.get(name)?.push(figures)
        }
      print(`### ${connections} at a time, ${reps === 1 ? 'one run' : `median of ${reps} runs`}\n\n`)
      print(`${toRelayTable(figuresOf)}\n`)
    }
  } finally {
    for (const peer of [gateway, bare, backend]) await peer.stop()
  }
}

async function startPeer(args: readonly string[]): Promise<Peer> {
  const child = fork(PEER, args)
  const [port] = (await once(child, 'message')) as [number]
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit')
    child.kill()
    await exited
  }
  return { port, pid: child.pid ?? 0, stop }
}

async function measure(
  { port, pid }: Pick<Peer, 'port' | 'pid'>,
  connections: number,
  requests: number,
): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies = new Histogram()
  const before = cpuOf(pid)
  const startUs = nowUs()
  let left = requests
  const post = async (): Promise<void> => {
    for (; left > 0;) {
      left--
      const sentUs = nowUs()
      await ask(agent, port)
      latencies.record(nowUs() - sentUs)
    }
  }
  await Promise.all(Array.from({ length: connections }, post))
  const seconds = (nowUs() - startUs) / 1e6
  const after = cpuOf(pid)
  agent.destroy()
  return {
    perS: requests / seconds,
    p50Ms: latencies.quantileUs(0.5) / 1_000,
    p99Ms: latencies.quantileUs(0.99) / 1_000,
    cpuS: ((after.userS - before.userS + after.systemS - before.systemS) / requests) * 1_000,
  }
}

/** Rejects unless the answer is that of the backend. */
async function ask(agent: Agent, port: number): Promise<void> {
  const path = `/webhook?${new URLSearchParams(signedQuery(COMMAND)).toString()}`
  const headers = { 'Content-Type': 'application/json', 'Content-Length': BODY.length }
  const asked = request({ agent, host: '127.0.0.1', port, method: 'POST', path, headers }).end(BODY)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  if (response.statusCode !== 200 || !text.includes('"ErrorCode":0')) throw new Error(`answered ${text}`)
}

function toRelayTable(figuresOf: ReadonlyMap<string, readonly Figures[]>): string {
  const rows = [...figuresOf].map(([name, figures]) => {
    const of = (pick: (figures: Figures) => number): number => median(figures.map(pick))
    return [
      name,
      formatNumber(of(({ perS }) => perS)),
      `${formatNumber(of(({ p50Ms }) => p50Ms))}; ${formatNumber(of(({ p99Ms }) => p99Ms))}`,
      formatNumber(of(({ cpuS }) => cpuS)),
    ]
  })
  return toTable([['asked', 'requests/s', 'answer after, p50; p99, ms', 'CPU s per 1,000'], ...rows])
}
