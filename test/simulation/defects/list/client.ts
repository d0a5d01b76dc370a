import type { Defect } from '../defect.ts'

/** Mistakes in the client. */
export const CLIENT_DEFECTS: readonly Defect[] = [
  {
    name: 'what takes long to arrive is asked for again',
    patches: [
      {
        file: 'shared/client/silence.ts',
        find: `const SILENCE_MS = 15_000`,
        replace: `const SILENCE_MS = 5_000`,
      },
      {
        file: 'shared/client/silence.ts',
        find: `      const leftMs = SILENCE_MS - Math.min(waitedMs(), this.#silentMs())`,
        replace: `      const leftMs = SILENCE_MS - waitedMs()`,
      },
      {
        file: 'shared/client/followed-room.ts',
        find: `    if (!this.isActive || !this.#stream.give(batch, this.#takers)) return 'ok'`,
        replace: `    if (!this.isSubscribed || this.isSubscribing || !this.#stream.give(batch, this.#takers)) return 'ok'`,
      },
    ],
    rules: ['in time', 'told', 'heals'],
    shownBy: 'slowLink',
  },
  {
    name: 'a listener that was full is live and not in the room',
    patches: [
      {
        file: 'shared/client/listener-queue.ts',
        find: `const MAX_ITEMS = 5_000`,
        replace: `const MAX_ITEMS = 10`,
      },
      {
        file: 'shared/client/room-listener.ts',
        find: `    if (wasFull) this.#options.onDrained()
`,
        replace: `    void wasFull
`,
      },
      {
        file: 'shared/client/room-stream.ts',
        find: `      this.#end === undefined ||
      isFull ||`,
        replace: `      isFull ||`,
      },
      {
        file: 'shared/client/room-stream.ts',
        find: `    return taken.offset >= Math.max(this.#end, latest.offset)`,
        replace: `    return taken.offset >= latest.offset`,
      },
    ],
    rules: ['true state', 'told'],
    shownBy: 'pages',
    seeds: 30,
  },
  {
    name: 'a position moves before the listener has returned',
    patches: [
      {
        file: 'shared/client/room-listener.ts',
        find: `    this.#current = attempts
    attempts.start()`,
        replace: `    this.#current = attempts
    this.#place = item.position
    this.#options.onMoved()
    attempts.start()`,
      },
    ],
    rules: ['told'],
    shownBy: 'pages',
    seeds: 100,
  },
  {
    name: 'what a listener leaves behind counts as handled',
    patches: [
      {
        file: 'shared/client/room-listener.ts',
        find: `    this.hasLeft = true
    this.#current?.cancel()`,
        replace: `    this.hasLeft = true
    this.#place = this.taken
    this.#current?.cancel()`,
      },
      {
        file: 'shared/client/followed-room.ts',
        find: `    this.#listeners.delete(listener)
    const { call } = listener
    const unfinished = listener.leave()`,
        replace: `    const { call } = listener
    const unfinished = listener.leave()
    this.ledger.update(this.#listeners)
    this.#listeners.delete(listener)`,
      },
    ],
    rules: ['told'],
    shownBy: 'pages',
    seeds: 250,
  },
  {
    name: 'the stored position is that of the fastest listener',
    patches: [
      {
        file: 'shared/client/ledger.ts',
        find: `    const least = this.#epochs.least(this.#owed === undefined ? places : [...places, this.#owed])`,
        replace: `    let least: Position | undefined
    for (const place of places) if (least === undefined || this.#epochs.isAfter(place, least)) least = place`,
      },
    ],
    rules: ['told'],
    shownBy: 'pages',
    seeds: 100,
  },
  {
    name: 'what the handshake asked is answered in order',
    patches: [
      {
        file: 'shared/client/offer.ts',
        find: `    socket.on('subscribed', ({ index, answer }) => {`,
        replace: `    socket.on('subscribed', ({ answer }) => {
      const [index = 0] = this.#waiting.keys()`,
      },
    ],
    rules: ['heals', 'told', 'no needless gap'],
    shownBy: 'tokens',
    seeds: 100,
  },
  {
    name: 'rooms are not subscribed again after a reconnect',
    patches: [
      {
        file: 'shared/client/recall-client.ts',
        find: `      onConnect: () => this.#rooms.subscribeAll(),
      onDisconnect: () => this.#rooms.onDisconnect(),`,
        replace: `      onConnect: () => (this.#isAgain ? undefined : this.#rooms.subscribeAll()),
      onDisconnect: () => {
        this.#isAgain = true
        this.#rooms.onDisconnect()
      },`,
      },
      {
        file: 'shared/client/recall-client.ts',
        find: `  readonly #states: States
`,
        replace: `  readonly #states: States
  #isAgain = false
`,
      },
    ],
    rules: ['heals', 'told'],
    shownBy: 'pages',
    seeds: 100,
  },
  {
    name: 'a gap in the answer is skipped',
    patches: [
      {
        file: 'shared/client/entering.ts',
        find: `else if (gap !== undefined && isSamePosition(taken, asked)) owe(listener, gap)`,
        replace: `else if (gap !== undefined && isSamePosition(taken, asked)) listener.beginAt(position)`,
      },
    ],
    rules: ['told'],
    shownBy: 'shortLogs',
    seeds: 150,
  },
  {
    name: 'a gap in passing is skipped',
    patches: [
      {
        file: 'shared/client/followed-room.ts',
        find: `    for (const listener of takers) listener.owe(gap)`,
        replace: `    for (const listener of takers) listener.beginAt(gap.value.position)`,
      },
    ],
    rules: ['told', 'once'],
    shownBy: 'rollbacks',
    seeds: 100,
  },
  {
    name: 'the position that an app gives is ignored',
    patches: [
      {
        file: 'shared/client/recall-client.ts',
        find: `const since = sinceOf(options.since)`,
        replace: `const since = sinceOf(undefined)`,
      },
    ],
    rules: ['told'],
    shownBy: 'places',
  },
  {
    name: 'what is known already is given again',
    // Nodes send nothing twice, and clients take nothing twice.
    patches: [
      {
        file: 'shared/client/room-stream.ts',
        find: `const { run, hole } = mergeInOrder(after, notices)`,
        replace: `const { run, hole } = { run: notices, hole: false }`,
      },
      {
        file: 'server/realtime/sessions/join.ts',
        find: `    local.flush()
`,
        replace: ``,
      },
    ],
    rules: ['once', 'order'],
    shownBy: 'crowd',
  },
  {
    name: 'a refusal for now is taken as final',
    patches: [
      {
        file: 'shared/client/followed-rooms.ts',
        find: `    if (retry) this.#queue.addLater(followed)
    else this.#queue.remove(followed)`,
        replace: `    this.#queue.remove(followed)`,
      },
    ],
    rules: ['heals', 'told'],
    shownBy: 'outage',
    seeds: 100,
  },
  {
    name: 'every goodbye is for good',
    patches: [
      {
        file: 'shared/client/connection.ts',
        find: `const FIRST_PERMANENT_GOODBYE = 4_500`,
        replace: `const FIRST_PERMANENT_GOODBYE = 4_000`,
      },
    ],
    rules: ['not refused', 'heals'],
    shownBy: 'tokens',
    seeds: 100,
  },
  {
    name: 'a token that ended on its way ends the client',
    patches: [
      {
        file: 'shared/client/credentials.ts',
        find: `    if (refusal.code === 'TOKEN_EXPIRED' && this.#options.isFixed !== true) {`,
        replace: `    if (refusal.code === 'TOKEN_EXPIRED' && this.#options.isFixed !== this.#options.isFixed) {`,
      },
    ],
    rules: ['heals', 'not refused'],
    shownBy: 'tokens',
    seeds: 100,
  },
  {
    name: 'live is said before all is there',
    patches: [
      {
        file: 'shared/client/room-stream.ts',
        find: `    return taken.offset >= Math.max(this.#end, latest.offset)`,
        replace: `    return true`,
      },
    ],
    rules: ['true state'],
    shownBy: 'late',
  },
]
