/** The value of a metric of a gateway, or of its process, that has no labels; by its name without prefix. */
export async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = new RegExp(`^(?:recall_gateway|process|nodejs)_${name} (\\S+)$`, 'm').exec(text)?.[1]
  if (value === undefined) throw new Error(`${name} is not among the metrics`)
  return Number(value)
}
