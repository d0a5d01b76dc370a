import type { RingRule } from '../state/ring-rules.ts'
import type { Ring } from '../state/rung.ts'

/** The name of a lock: of all tabs of this browser, one makes the noise. */
const LOCK = 'recall-gateway-ringer'
const TONES_HZ = [880, 1_320] as const
const TONE_S = 0.16

export type NotificationState = NotificationPermission | 'unsupported'

/** Whether desktop notifications are allowed. Browsers offer them on pages with TLS only, and on this machine. */
export const notificationState = (): NotificationState =>
  typeof Notification === 'undefined' || !isSecureContext ? 'unsupported' : Notification.permission

/** Asks for the permission. Call it on a click: a page that asks by itself is refused, often for good. */
export async function allowNotifications(): Promise<void> {
  if (notificationState() === 'default') await Notification.requestPermission()
}

interface RungTexts {
  readonly title: string
  readonly body: string
}

/** Makes the noise of a ring: a notification of the desktop, and a sound. */
export class Ringer {
  #audio: AudioContext | undefined
  /** Whether no other tab of this browser rings already. */
  #isFirst = true

  constructor() {
    // Without locks, each tab rings.
    if (!('locks' in navigator)) return
    this.#isFirst = false
    void navigator.locks
      .request(LOCK, () => {
        this.#isFirst = true
        return new Promise<never>(() => undefined)
      })
      .catch(() => (this.#isFirst = true))
  }

  /** Whether a sound would be heard. Browsers play none before the first click or key on the page. */
  get canSound(): boolean {
    return this.#audio?.state === 'running'
  }

  /** Makes sounds possible. Call it on a click or a key. */
  async enableSound(): Promise<void> {
    this.#audio ??= new AudioContext()
    await this.#audio.resume()
  }

  ring(ring: Ring, rule: RingRule, { title, body }: RungTexts, onClick: () => void): void {
    if (!this.#isFirst) return
    if (rule.hasSound) this.sound()
    if (!rule.notifies || notificationState() !== 'granted') return
    try {
      const notification = new Notification(title, { body, tag: `recall-gateway ${rule.name} ${ring.id}` })
      notification.addEventListener('click', () => {
        focus()
        notification.close()
        onClick()
      })
    } catch {
      // Some browsers show notifications of service workers only. The page itself rings.
    }
  }

  /** Two tones, without a file. */
  sound(): void {
    const audio = this.#audio
    if (audio?.state !== 'running') return
    for (const [i, frequency] of TONES_HZ.entries()) {
      const begin = audio.currentTime + i * TONE_S
      const tone = new OscillatorNode(audio, { frequency })
      const gain = new GainNode(audio, { gain: 0 })
      // A tone that begins or ends at once clicks.
      gain.gain.linearRampToValueAtTime(0.2, begin + 0.01)
      gain.gain.setValueAtTime(0.2, begin + TONE_S - 0.03)
      gain.gain.linearRampToValueAtTime(0, begin + TONE_S)
      tone.connect(gain).connect(audio.destination)
      tone.start(begin)
      tone.stop(begin + TONE_S)
    }
  }
}
