import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AudiencePlan, AudienceReport, Schedule } from './subscriber-pool.ts'
import type { PostingPlan, PostingReport } from './webhook-load.ts'

/** What a load process can be told to do. */
export type Order =
  | { readonly do: 'assemble'; readonly plan: AudiencePlan }
  | { readonly do: 'connect'; readonly how: 'fresh' | 'resume' }
  | { readonly do: 'expect'; readonly schedule: Schedule }
  | { readonly do: 'report' }
  | { readonly do: 'drop' }
  | { readonly do: 'post'; readonly plan: PostingPlan }

export interface Outcomes {
  /** In s. */
  assemble: number
  /** In s. */
  connect: number
  expect: void
  /** With the CPU time that the process took so far. */
  report: AudienceReport & { readonly cpuUs: number }
  drop: void
  post: PostingReport
}

type Reply<Name extends Order['do']> = { readonly outcome: Outcomes[Name] } | { readonly failure: string }

const PROGRAM = fileURLToPath(new URL('./load-process.js', import.meta.url))

export interface LoadProcess {
  tell<Name extends Order['do']>(order: Extract<Order, { do: Name }>): Promise<Outcomes[Name]>
  stop(): void
}

/** A process of its own that makes load, so that making it takes nothing from what is measured but the core. */
export function startLoad(): LoadProcess {
  const child = fork(PROGRAM)
  return {
    tell: (order) =>
      new Promise((resolve, reject) => {
        const onExit = (): void => reject(new Error('a load process ended'))
        child.once('exit', onExit)
        child.once('message', (reply: Reply<typeof order.do>) => {
          child.off('exit', onExit)
          if ('failure' in reply) reject(new Error(reply.failure))
          else resolve(reply.outcome as never)
        })
        child.send(order)
      }),
    stop: () => void child.kill('SIGKILL'),
  }
}
