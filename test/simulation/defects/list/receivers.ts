import type { Defect } from '../defect.ts'

/** Mistakes in what receivers keep on their disks. */
export const RECEIVER_DEFECTS: readonly Defect[] = [
  {
    name: 'recalls outlive their group',
    patches: [
      {
        file: 'server/receiver/webhook.ts',
        find: `    if (ended?.dismissedAtMs === undefined) return`,
        replace: `    if (ended?.dismissedAtMs !== 0) return`,
      },
    ],
    rules: ['dismissed'],
    shownBy: 'dismissed',
    seeds: 60,
  },
  {
    name: 'a recall is answered before it is flushed',
    patches: [
      {
        file: 'server/broker/spooling/spool.ts',
        find: `        await journal.append(payload)
      } catch (cause) {`,
        replace: `        void journal.append(payload).catch(() => undefined)
      } catch (cause) {`,
      },
    ],
    rules: ['kept'],
    shownBy: 'lateFlush',
    seeds: 100,
  },
  {
    name: 'an append that fails counts as kept',
    patches: [
      {
        file: 'server/broker/spooling/spooling-broker.ts',
        find: `      if (isDirect) throw error
`,
        replace: `      if (isDirect) return { duplicate: false, spooled: true, positions: [] }
`,
      },
    ],
    rules: ['kept'],
    shownBy: 'fullDisk',
    seeds: 400,
  },
  {
    name: 'a late flush is forgotten',
    patches: [
      {
        file: 'server/broker/spooling/drain.ts',
        find: `      try {
        await spool.append(recall)
      } finally {
        wake()
      }`,
        replace: `      await spool.append(recall)`,
      },
      {
        file: 'server/broker/spooling/spooling-broker.ts',
        find: `      await withTimeout(isDirect ? leftMs() : leftMs() * SPOOL_SHARE, spooled)
`,
        replace: `      await withTimeout(isDirect ? leftMs() : leftMs() * SPOOL_SHARE, spooled)
      drain.wake()
`,
      },
    ],
    rules: ['heals', 'in time'],
    shownBy: 'lateFlush',
  },
  {
    name: 'what an earlier process spooled is not drained',
    patches: [
      {
        file: 'server/broker/spooling/spooling-broker.ts',
        find: `      drain.wake()
    },
    async stop() {`,
        replace: `    },
    async stop() {`,
      },
    ],
    rules: ['heals', 'kept', 'in time'],
    shownBy: 'power',
    seeds: 250,
  },
  {
    name: 'recalls leave the spool before they are confirmed',
    patches: [
      {
        file: 'server/broker/spooling/drain.ts',
        find: `    const entries = [...batch]
    const publishing`,
        replace: `    const entries = [...batch]
    await spool.remove(batch)
    const publishing`,
      },
      {
        file: 'server/broker/spooling/drain.ts',
        find: `      await spool.remove(confirmed)
      published += confirmed.length`,
        replace: `      published += confirmed.length`,
      },
    ],
    rules: ['kept'],
    shownBy: 'outage',
    seeds: 30,
  },
  {
    name: 'the spool is drained newest first',
    patches: [
      {
        file: 'server/broker/spooling/spool.ts',
        find: `journal.read(limit, { skip, fromKey }).map(toSpooled),`,
        replace: `journal.read(limit, { skip, fromKey }).map(toSpooled).toReversed(),`,
      },
    ],
    rules: ['order'],
    shownBy: 'outage',
    seeds: 30,
  },
  {
    name: 'recalls pass those before them in the spool',
    patches: [
      {
        file: 'server/broker/spooling/drain.ts',
        find: `      return !isBehind || (handover ?? false)`,
        replace: `      return true`,
      },
    ],
    rules: ['order'],
    shownBy: 'outage',
  },
  {
    name: 'publishing never becomes direct again',
    patches: [
      {
        file: 'server/broker/spooling/drain.ts',
        find: `    isBehind = false
    if (apart.size() === 0) return true`,
        replace: `    if (apart.size() === 0) return true`,
      },
      {
        file: 'server/broker/spooling/drain.ts',
        find: `      if (running === undefined) isBehind = false
      return`,
        replace: `      return`,
      },
      {
        file: 'server/broker/spooling/drain.ts',
        find: `    isBehind = false
    return true
  }

  async function pause`,
        replace: `    return true
  }

  async function pause`,
      },
    ],
    rules: ['quiet'],
    shownBy: 'outage',
    seeds: 30,
  },
  {
    name: 'a round that fails ends the drain',
    patches: [
      {
        file: 'server/broker/spooling/drain.ts',
        find: `    running ??= run().finally(() => {
      running = undefined
      // A recall may have arrived since \`run\` last looked.
      wake()
    })`,
        replace: `    running ??= run().finally(() => (running = undefined))`,
      },
      {
        file: 'server/broker/spooling/drain.ts',
        find: `    else await pause(fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }))`,
        replace: `    else throw new Error('no more tries')`,
      },
      {
        file: 'server/broker/spooling/drain.ts',
        find: `        log.error({ err }, 'cannot read or write the spool')
        await pause(DISK_RETRY_DELAY_MS)`,
        replace: `        log.error({ err }, 'cannot read or write the spool')
        return`,
      },
    ],
    rules: ['heals', 'kept', 'in time'],
    shownBy: 'power',
    seeds: 30,
  },
  {
    name: 'the local store answers before it is flushed',
    patches: [
      {
        file: 'server/broker/embedded/embedded-broker.ts',
        find: `    const appended = await withTimeout(timeoutMs, storedAndDelivered)`,
        replace: `    void withTimeout(timeoutMs, storedAndDelivered).catch(() => undefined)
    const appended: Appended[] = []`,
      },
    ],
    rules: ['kept'],
    shownBy: 'embeddedPower',
    seeds: 200,
  },
]
