/** Returns a time in the largest unit that tells something: `2 d`, `3 h`, `5 min`, `7 s`, `12 ms`. */
export function durationOf(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const
  const [unit, size] = units.find(([, one]) => ms >= one) ?? ['ms', 1]
  return `${Math.round(ms / size)} ${unit}`
}
