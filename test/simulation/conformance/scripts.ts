import fc from 'fast-check'
import type { DiskOperation } from './disk-script.ts'
import type { NetworkScript, Operation } from './network-script.ts'
import type { Key, StoreOperation } from './store-script.ts'
import type { TimerNode } from './timer-script.ts'

const END = fc.constantFrom('client', 'server')

const operation = (end: fc.Arbitrary<Operation['end']>): fc.Arbitrary<Operation> =>
  fc.record({
    end,
    does: fc.oneof(
      { weight: 4, arbitrary: fc.constant('write' as const) },
      { weight: 2, arbitrary: fc.constantFrom('end' as const, 'pause' as const, 'resume' as const) },
      { weight: 1, arbitrary: fc.constantFrom('destroy' as const, 'fail' as const, 'reset' as const) },
    ),
    // Far more than the buffers of any system, from time to time.
    bytes: fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(1, 100, 16_384, 30_000) },
      { weight: 1, arbitrary: fc.constant(16_000_000) },
    ),
  })

/** One end per step: between two, the order of what they do in one turn is that of the system. */
const step = END.chain((end) => fc.array(operation(fc.constant(end)), { minLength: 1, maxLength: 3 }))

export const networkScript: fc.Arbitrary<NetworkScript> = fc.record({
  allowHalfOpen: fc.record({ client: fc.boolean(), server: fc.boolean() }),
  steps: fc.array(step, { minLength: 1, maxLength: 7 }),
  closesServer: fc.boolean(),
})

const number = fc.integer({ min: -3, max: 6 })
const text = fc.constantFrom('a', 'aa', 'b', 'topic:g:', 'z~')
const key: fc.Arbitrary<Key> = fc.oneof(number, text, fc.tuple(text, number))
const bound = fc.option(
  fc.oneof(key, fc.tuple(text, fc.constantFrom(Infinity, Number.MAX_SAFE_INTEGER))) as fc.Arbitrary<Key>,
  { nil: undefined },
)
const change = fc.record({
  does: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
  key,
  value: fc.nat(99),
})

export const storeScript: fc.Arbitrary<StoreOperation[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: change },
    {
      weight: 3,
      arbitrary: fc.record({
        does: fc.constant('transaction' as const),
        changes: fc.array(change, { minLength: 1, maxLength: 4 }),
        fails: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        does: fc.constant('read' as const),
        start: bound,
        end: bound,
        limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        reverse: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ does: 'wait' as const }) },
    { weight: 1, arbitrary: fc.constant({ does: 'reopen' as const }) },
  ),
  { minLength: 5, maxLength: 25 },
)

const timers = (depth: number): fc.Arbitrary<TimerNode[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom('timeout', 'timeout', 'immediate', 'interval', 'promise', 'tick', 'microtask'),
      ms: fc.constantFrom(0, 1, 1.5, 2, 5, 12),
      then: depth === 0 ? fc.constant([]) : timers(depth - 1),
      clears: fc.nat(20),
      refreshes: fc.boolean(),
    }),
    { maxLength: 5 },
  )

export const timerScript = timers(2)

const name = fc.constantFrom('a', 'b', 'c')
const size = fc.constantFrom(0, 1, 3, 5_000)
const place = fc.constantFrom(0, 1, 3, 4_999, 6_000)

export const diskScript: fc.Arbitrary<DiskOperation[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        does: fc.constantFrom(
          'create' as const,
          'create' as const,
          'sync' as const,
          'close' as const,
          'remove' as const,
        ),
        name,
      }),
    },
    { weight: 4, arbitrary: fc.record({ does: fc.constant('write' as const), name, offset: place, size }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('replace' as const), name, size }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('rename' as const), name, other: name }) },
    {
      weight: 3,
      arbitrary: fc.record({
        does: fc.constant('read' as const),
        name,
        offset: fc.option(place, { nil: undefined }),
        length: fc.option(size, { nil: undefined }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ does: 'sync folder' as const }) },
  ),
  { minLength: 5, maxLength: 25 },
)
