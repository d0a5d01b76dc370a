// How numbers and times read in the English texts.

export const number = (count: number): string => count.toLocaleString('en')
export const plural = (count: number, one: string, many: string): string =>
  `${number(count)} ${count === 1 ? one : many}`
export const seconds = (s: number): string =>
  s < 120 ? `${s.toFixed(s < 10 ? 1 : 0)} s` : `${number(Math.round(s / 60))} min`
