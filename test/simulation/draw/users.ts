import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { ListenerHabit, TokenHabit, UserSpec } from '../spec.ts'
import type { Random } from '../world/random.ts'

const GROUP_ONE: Room = { group: 'g1' }
const TOPIC: Room = { group: 'g1', topic: 't1' }
const GROUP_TWO: Room = { group: 'g2' }

/** Draws who lives in the system, and how they behave. `rooms`: how many more rooms some users are in. */
export function drawUser(random: Random, i: number, moreRooms: readonly Room[]): UserSpec {
  const by = random.pick(['library', 'library', 'library', 'library', 'plain', 'plain', 'stream'] as const)
  const role = random.pick(['admin', 'member'] as const)
  const access = role === 'member' && random.chance(0.5) ? 'app' : 'token'
  const own = [GROUP_ONE, TOPIC, GROUP_TWO]
  const candidates: readonly Room[] = role === 'admin' ? [FEED, ...own] : own
  const drawn = candidates.filter(() => random.chance(0.6))
  const rooms = [...(drawn.length > 0 ? drawn : [random.pick(candidates)]), ...moreRooms]
  return {
    name: `user-${i + 1}`,
    by,
    role,
    access,
    // One user may cause 500 lookups a minute.
    grantS: random.pick(moreRooms.length > 0 ? [undefined, 30] : [undefined, undefined, 1, 2, 5, 30]),
    rooms,
    listeners:
      by === 'library'
        ? drawListeners(random, rooms)
        : rooms.map((room) => ({
            ...plainHabit(random, room),
            // Those with a stream for each room cannot leave one.
            leavesEvery: random.pick(by === 'plain' ? [0, 0, 4] : [0]),
            returnsAfterMs: random.pick([0, 300, 2_000]),
          })),
    store: random.pick(
      by === 'library'
        ? (['memory', 'session', 'session', 'session', 'slow', 'failing', 'torn'] as const)
        : (['memory', 'session', 'session'] as const),
    ),
    tokens: drawTokens(random),
    clockOffsetMs: random.pick([0, 0, 0, 7 * 3_600_000, -7 * 3_600_000]),
  }
}

function drawListeners(random: Random, rooms: readonly Room[]): ListenerHabit[] {
  return rooms.flatMap((room) => {
    if (random.chance(0.2))
      return [
        { ...plainHabit(random, room), name: 'listener 1' },
        { ...plainHabit(random, room), name: 'listener 2', slowEvery: random.pick([0, 10]) },
      ]
    const habit = drawHabit(random, room)
    // Not of the same room: with another listener there, one that comes later begins where the room is.
    const other = rooms.length === 1 && random.chance(0.3) ? otherRoom(room) : undefined
    if (other === undefined) return [habit]
    return [{ ...habit, alsoFollows: { ...plainHabit(random, other), name: 'follower' } }]
  })
}

/** Whoever may be in the first, may be in the other. */
const otherRoom = (room: Room): Room | undefined =>
  'group' in room && room.group === 'g1' && room.topic === undefined ? TOPIC : undefined

const plainHabit = (random: Random, room: Room): ListenerHabit => ({
  name: 'listener',
  room,
  tookMs: random.pick([0, 0, 0, 5, 20]),
  slowEvery: 0,
  throwsEvery: random.pick([0, 0, 0, 9]),
  leavesEvery: 0,
  returnsAfterMs: 0,
  closesEvery: 0,
  skipsEvery: 0,
  gapFailsEvery: random.pick([0, 0, 2]),
  begins: 'stored',
})

/** One or two habits at most, so that each is seen to work with the others. */
function drawHabit(random: Random, room: Room): ListenerHabit {
  const habit = plainHabit(random, room)
  const begins = random.pick(['stored', 'stored', 'stored', 'given', 'load'] as const)
  switch (random.below(10)) {
    case 0:
      return { ...habit, begins, leavesEvery: 3, returnsAfterMs: random.pick([0, 0, 1, 300]) }
    case 1:
      return { ...habit, begins, closesEvery: random.pick([5, 20]) }
    case 2:
      return { ...habit, begins, skipsEvery: 7 }
    case 3:
      return { ...habit, begins, slowEvery: 10 }
    case 4:
      return { ...habit, begins, throwsEvery: 5 }
    default:
      return { ...habit, begins }
  }
}

function drawTokens(random: Random): TokenHabit {
  const habit = {
    lifeMs: random.pick([800, 2_000, 5_000, 20_000, 600_000, 600_000, 600_000]),
    delayMs: random.pick([0, 0, 30, 200]),
    failsEvery: 0,
    endedEvery: 0,
    rubbishEvery: 0,
  }
  const every = random.pick([2, 3])
  switch (random.below(8)) {
    case 0:
      return { ...habit, failsEvery: every }
    case 1:
      return { ...habit, endedEvery: every }
    case 2:
      return { ...habit, rubbishEvery: every }
    case 3:
      // Otherwise the user would be offline for most of the time.
      return { ...habit, lifeMs: 20_000, delayMs: random.pick([900, 2_100, 5_000]) }
    default:
      return habit
  }
}
