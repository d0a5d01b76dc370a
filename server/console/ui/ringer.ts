import type { RingRule } from '../state/ring-rules.ts'
import { tagOf } from '../state/rung.ts'
import type { Ring } from '../state/rung.ts'
import { Turn } from './turn.ts'

const TONES_HZ = [880, 1_320] as const
const TONE_S = 0.16

export type NotificationState = NotificationPermission | 'unsupported' | 'none'

/** Whether this browser has refused to make a notification, as Chrome on Android does, whatever it permits: a page can have none there. */
let isRefused = false

/** Whether desktop notifications are allowed. Browsers offer them on pages with TLS only, and on this machine. */
export const notificationState = (): NotificationState => {
  if (typeof Notification === 'undefined' || !isSecureContext) return 'unsupported'
  return isRefused ? 'none' : Notification.permission
}

/** Asks for the permission. Call it on a click: a page that asks by itself is refused, often for good. */
export async function allowNotifications(): Promise<void> {
  if (notificationState() !== 'default') return
  // Without a permission, it shows nothing, and tells whether there can be any.
  create('', {})
  if (notificationState() === 'default') await Notification.requestPermission()
}

/** Undefined where only service workers have notifications. The page itself rings. */
function create(title: string, options: NotificationOptions): Notification | undefined {
  try {
    return new Notification(title, options)
  } catch {
    isRefused = true
    return undefined
  }
}

interface RungTexts {
  readonly title: string
  readonly body: string
}

/**
 * Makes the noise of a ring: a notification of the desktop, and a sound. Of the tabs of this browser that hear recalls now, one notifies;
 * of those whose sounds the browser plays besides, one sounds.
 */
export class Ringer {
  readonly #notifying = new Turn('notifications')
  readonly #sounding = new Turn('sounds')
  #audio: AudioContext | undefined
  #listens = false

  /** Says whether this tab hears recalls now, and has rules for them. */
  listen(listens: boolean): void {
    this.#listens = listens
    this.#update()
  }

  #update(): void {
    this.#notifying.want(this.#listens && notificationState() === 'granted')
    this.#sounding.want(this.#listens && this.canSound)
  }

  /** Whether this tab is the one that sounds. */
  get sounds(): boolean {
    return this.#sounding.isMine
  }

  /** Whether a sound would be heard. Browsers play none before the first click or key on the page. */
  get canSound(): boolean {
    return this.#audio?.state === 'running'
  }

  /** Makes sounds possible. Call it on a click or a key. */
  async enableSound(): Promise<void> {
    if (this.#audio === undefined) {
      this.#audio = new AudioContext()
      this.#audio.addEventListener('statechange', () => this.#update())
    }
    await this.#audio.resume()
    this.#update()
  }

  ring(ring: Ring, rule: RingRule, { title, body }: RungTexts, onClick: () => void): void {
    if (rule.hasSound && this.canSound) this.#sounding.take(() => this.sound())
    if (!rule.notifies || notificationState() !== 'granted') return
    this.#update()
    this.#notifying.take(() => {
      notify(title, body, tagOf(ring), onClick)
      this.#update()
    })
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

function notify(title: string, body: string, tag: string, onClick: () => void): void {
  const notification = create(title, { body, tag })
  notification?.addEventListener('click', () => {
    focus()
    notification.close()
    onClick()
  })
}
