import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

interface PrometheusOptions {
  /** URLs of the processes. */
  readonly targets: readonly string[]
  /** The text of the rules. */
  readonly rules: string
  readonly intervalMs: number
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
  readonly activeAt: string
}

export interface Prometheus {
  /** Evaluates an expression now. Rejects if it is wrong. */
  query(expression: string): Promise<readonly Sample[]>
  alerts(): Promise<readonly Alert[]>
  stop(): Promise<void>
}

export const JOB = 'recall-gateway'

/** Starts a real Prometheus on loopback, which reads these processes. */
export async function startPrometheus({
  targets,
  rules,
  intervalMs,
}: PrometheusOptions): Promise<Prometheus> {
  const folder = temporaryFolder()
  const port = await freePort()
  const interval = `${intervalMs}ms`
  const config = {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval,
      evaluation_interval: interval,
      external_labels: { gateway: 'http://gateway.test' },
    },
    rule_files: ['rules.yml'],
    scrape_configs: [
      { job_name: JOB, static_configs: [{ targets: targets.map((url) => new URL(url).host) }] },
    ],
  }
  writeFileSync(join(folder.path, 'rules.yml'), rules)
  // JSON is YAML.
  writeFileSync(join(folder.path, 'prometheus.yml'), JSON.stringify(config))
  const flags = [
    `--config.file=${join(folder.path, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder.path, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]
  const program = spawn(programPath('prometheus'), flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  program.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const exited = once(program, 'exit')

  async function ask(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)
    const { data, error } = (await response.json()) as { readonly data: unknown; readonly error?: string }
    if (error !== undefined) throw new Error(`${decodeURIComponent(path)}: ${error}`)
    return data
  }

  await waitUntil('Prometheus answers', async () => {
    if (program.exitCode !== null) throw new Error(`Prometheus exited: ${log}`)
    return await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  })

  return {
    async query(expression) {
      const { result } = (await ask(`query?query=${encodeURIComponent(expression)}`)) as {
        readonly result: readonly {
          readonly metric: Sample['labels']
          readonly value: readonly [number, string]
        }[]
      }
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }))
    },
    alerts: async () => ((await ask('alerts')) as { readonly alerts: readonly Alert[] }).alerts,
    async stop() {
      program.kill('SIGKILL')
      await exited
      folder.remove()
    },
  }
}
