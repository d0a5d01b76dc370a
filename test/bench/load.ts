import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Schedule, SubscriberPlan, SubscriberReport } from './subscriber-pool.ts'
import type { PostingPlan, PostingReport } from './webhook-load.ts'

/** A command for a load process. */
export type Command =
  | { readonly do: 'subscribe'; readonly plan: SubscriberPlan }
  | { readonly do: 'reconnect'; readonly mode: 'fresh' | 'resume' }
  | { readonly do: 'expect'; readonly schedule: Schedule }
  | { readonly do: 'report' }
  | { readonly do: 'drop' }
  | { readonly do: 'post'; readonly plan: PostingPlan }

export interface Outcomes {
  /** In s. */
  subscribe: number
  /** In s. */
  reconnect: number
  expect: void
  report: SubscriberReport
  drop: void
  post: PostingReport
}

type Reply<Name extends Command['do']> = { readonly outcome: Outcomes[Name] } | { readonly failure: string }

const PROGRAM = fileURLToPath(new URL('./load-process.js', import.meta.url))

export interface LoadProcess {
  readonly pid: number
  run<Name extends Command['do']>(command: Extract<Command, { do: Name }>): Promise<Outcomes[Name]>
  stop(): void
}

/** Starts a process that generates load. In its own process, it shares nothing with the measured ones but the cores. */
export function startLoadProcess(): LoadProcess {
  const child = fork(PROGRAM)
  return {
    pid: child.pid ?? 0,
    run: (command) =>
      new Promise((resolve, reject) => {
        const onExit = (): void => reject(new Error('a load process exited'))
        child.once('exit', onExit)
        child.once('message', (reply: Reply<typeof command.do>) => {
          child.off('exit', onExit)
          if ('failure' in reply) reject(new Error(reply.failure))
          else resolve(reply.outcome as never)
        })
        child.send(command)
      }),
    stop: () => void child.kill('SIGKILL'),
  }
}
