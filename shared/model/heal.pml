/*
 * A room follows its log: each notice once, in order, or a gap, whatever is lost on the way; and healing ends.
 *
 * server/realtime/rooms/local-room.ts and local-rooms.ts, server/broker/redis/subscriber.ts and log-reader.ts, history.ts, end.lua
 *
 * One room of one node: nodes share nothing but the log here. The log is trimmed, ended with its group, or lost as a whole, but never
 * goes back (see rollback.pml), so that an epoch and an offset say which notice it is. Sound abstractions:
 * - The batcher is part of the broadcast: what the room delivers is told, in this order (see resume.pml for the seam).
 * - A page is one notice, and the log holds two: the code treats all numbers alike.
 * - The comparison of the tail with the log is left out: without a rollback it finds nothing.
 */
#include "checks.pml"

#define IGNORE_HOLE             1 /* refuted by in_order: a later notice is delivered */
#define DROP_EPOCH_COMPARE      2 /* refuted by in_order: a notice of another epoch is delivered */
#define TRIM_OFF_BY_ONE         3 /* refuted by in_order: a log that begins one notice too late is no gap */
#define KEEP_OFFSET             4 /* refuted by issued: a gap changes the epoch of the position only */
#define HEAD_BEFORE_SUBSCRIBE   5 /* refuted by healed: the room opens at a head that it read before it listened */
#define FORGET_RESUBSCRIBE      6 /* refuted by healed: a new connection has no subscription */
#define FORGET_INTERRUPTION     7 /* refuted by healed: the room does not read after a new connection */
#define FORGET_MORE             8 /* refuted by healed: a live notice that comes while the room reads is no sign of more */
#define STOP_AT_PAGE            9 /* refuted by healed: the room reads one page */
#define NO_HEAD_CHECK          10 /* refuted by healed: a notice that vanished shows by itself only when another one follows */

#ifndef NOTICES
#define NOTICES 3
#endif
#define LOG_SIZE 2
#ifndef FAULTS
#define FAULTS 1
#endif
#define LOOK 0

/* Redis: the head of the log, and its first entry. Epochs are 1 and 2. */
byte epoch = 1, head, first = 1
byte issued[3]

/* The subscription, and what is on its way. */
bool is_subscribed
chan live = [NOTICES + 1] of { byte, byte }
/* Whether things happen of which nobody tells the room although its connection holds: it then depends on checks of the head. */
bool may_vanish
byte faults

/* The room. */
byte at_epoch, at_offset
bool is_live, has_more, was_interrupted
/* Its read, if one is under way, and the reply to it. */
mtype = { none, asked, replied, failed }
mtype reading = none
byte read_epoch, read_head, read_first

/* What the listeners know: the position after the last notice, or the gap. */
byte told_epoch, told_offset

inline renew(offset) {
  epoch++
  head = offset
  first = offset + 1
  issued[epoch] = offset
}

inline send(offset) {
  if
  :: is_subscribed -> live!epoch, offset
  :: is_subscribed && may_vanish && faults < FAULTS -> faults++; printf("(%d,%d) vanishes\n", epoch, offset); REACHED(vanished)
  :: else
  fi
}

/* Everything that happens to the log. */
proctype Log() {
  byte left = NOTICES
  bool may_change = true
  do
  :: atomic { left > 0 ->
      left--
      head++
      issued[epoch] = head
      printf("(%d,%d) is published\n", epoch, head)
      if
      :: head - first + 1 > LOG_SIZE -> first++; REACHED(trimmed)
      :: else
      fi
      send(head) }
  :: atomic { may_change -> may_change = false; renew(head); printf("the group ends, epoch %d begins\n", epoch); send(LOOK) }
  :: atomic { may_change && may_vanish -> may_change = false; renew(0); printf("Redis is emptied, epoch %d begins\n", epoch) }
  :: atomic { left == 0 -> may_change = false; break }
  od
}

/* The subscription connection is cut and comes back. */
proctype Connection() {
  do
  :: atomic { !may_vanish && is_subscribed && told_epoch > 0 && faults < FAULTS ->
      faults++
      printf("the connection is cut\n")
      is_subscribed = false
      do
      :: live?_, _ -> REACHED(lost_with_connection)
      :: empty(live) -> break
      od }
    atomic {
      is_subscribed = (defect != FORGET_RESUBSCRIBE)
      printf("the connection is back\n")
    }
    atomic { was_interrupted = (defect != FORGET_INTERRUPTION) }
  od
}

/* Redis executes the read of a page, history.lua. */
proctype Reader() {
  do
  :: atomic { reading == asked ->
      if
      :: reading = replied; read_epoch = epoch; read_head = head; read_first = first
      :: faults < FAULTS -> faults++; reading = failed; printf("a read fails\n")
      fi }
  od
}

#define ISSUED(e, o) (e <= epoch && o <= issued[e])

/* `LocalRoom`, `#deliver`, and what the listeners make of it. */
inline deliver(notice_epoch, offset) {
  printf("(%d,%d) is delivered\n", notice_epoch, offset)
  if
  :: notice_epoch != told_epoch || offset != told_offset + 1 -> VIOLATED(in_order)
  :: !ISSUED(at_epoch, offset) -> VIOLATED(issued)
  :: else
  fi
  at_offset = offset
  told_offset = at_offset
}

inline skip_to(to_epoch, offset) {
  printf("a gap is told, up to (%d,%d)\n", to_epoch, offset)
  at_epoch = to_epoch
  at_offset = offset
  if
  :: !ISSUED(at_epoch, at_offset) -> VIOLATED(issued)
  :: else
  fi
  told_epoch = to_epoch
  told_offset = offset
}

inline catch_up() {
  has_more = true
  if
  :: is_live -> is_live = false; has_more = false; reading = asked
  :: else
  fi
}

/* `#readToEnd`, after a page */
inline read_on() {
  if
  :: has_more -> has_more = false; reading = asked
  :: else -> is_live = true; reading = none
  fi
}

inline on_notice(notice_epoch, offset) {
  if
  :: offset == LOOK -> catch_up()
  :: else -> if
    :: !is_live -> has_more = (has_more || defect != FORGET_MORE)
    :: else -> if
      :: notice_epoch != at_epoch && defect != DROP_EPOCH_COMPARE -> REACHED(live_of_other_epoch); catch_up()
      :: offset == at_offset + 1 && (notice_epoch == at_epoch || defect == DROP_EPOCH_COMPARE) ->
        REACHED(delivered_live)
        deliver(notice_epoch, offset)
      :: notice_epoch == at_epoch && offset > at_offset + 1 ->
        REACHED(hole)
        if
        :: defect == IGNORE_HOLE -> deliver(notice_epoch, offset)
        :: else -> catch_up()
        fi
      :: else -> REACHED(known_already)
      fi
    fi
  fi
}

/* `#readPage` and history.ts, `historySince` */
inline on_page() {
  if
  :: read_epoch != at_epoch || read_head < at_offset ->
    REACHED(gap_epoch)
    if
    :: defect == KEEP_OFFSET -> skip_to(read_epoch, at_offset)
    :: else -> skip_to(read_epoch, read_head)
    fi
  :: read_epoch == at_epoch && read_head > at_offset && read_first > at_offset + 1 + (defect == TRIM_OFF_BY_ONE) ->
    REACHED(gap_trimmed)
    skip_to(read_epoch, read_head)
  :: read_epoch == at_epoch && read_head > at_offset && read_first <= at_offset + 1 + (defect == TRIM_OFF_BY_ONE) ->
    REACHED(delivered_from_log)
    if
    :: read_first > at_offset + 1 -> deliver(read_epoch, read_first)
    :: else -> deliver(read_epoch, at_offset + 1)
    fi
    has_more = (has_more || read_head > at_offset && defect != STOP_AT_PAGE)
  :: else
  fi
}

/* The turns of the node's event loop. */
proctype Node() {
  byte notice_epoch, offset
  /* `open` */
  if
  :: defect == HEAD_BEFORE_SUBSCRIBE -> atomic { at_epoch = epoch; at_offset = head }; is_subscribed = true
  :: else -> is_subscribed = true; atomic { at_epoch = epoch; at_offset = head }
  fi
  atomic {
    told_epoch = at_epoch
    told_offset = at_offset
    printf("the room opens at (%d,%d)\n", at_epoch, at_offset)
    is_live = true
    if
    :: has_more -> catch_up()
    :: else
    fi
  }
  do
  :: atomic { live?notice_epoch, offset -> on_notice(notice_epoch, offset); notice_epoch = 0; offset = 0 }
  :: atomic { was_interrupted -> was_interrupted = false; catch_up() }
  :: atomic { reading == failed -> has_more = true; read_on() }
  :: atomic { reading == replied -> on_page(); read_epoch = 0; read_head = 0; read_first = 0; read_on() }
  od
}

/* local-rooms.ts, `tryCheckHeads`, again and again: but a check of a head that was checked already changes nothing. */
proctype HeadCheck() {
  byte head_epoch, head_offset
  do
  :: atomic {
      may_vanish && defect != NO_HEAD_CHECK && told_epoch > 0 && (head_epoch != epoch || head_offset != head) ->
      head_epoch = epoch
      head_offset = head
    }
    atomic {
      if
      :: head_epoch != at_epoch || head_offset > at_offset -> catch_up()
      :: else
      fi
    }
  od
}

/* At any time, nothing fails any more: no property may rely on a fault. */
proctype Calm() {
  faults = FAULTS
}

init {
  atomic {
    CHOOSE_DEFECT
    if
    :: may_vanish = true
    :: skip
    fi
    run Log(); run Connection(); run Reader(); run Node(); run HeadCheck(); run Calm()
  }
}

#define HEALED (told_epoch == epoch && told_offset == head)
ltl healed { <> [] HEALED }
