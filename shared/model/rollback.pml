/*
 * Redis goes back to an earlier state: what it had confirmed is published again, and every client is told it, or of a gap.
 *
 * server/broker/redis/rollbacks.ts and scripts/new-epoch.lua, server/broker/spooling/keep-copies.ts, republishing.ts and
 * epoch-renewal.ts, server/realtime/rooms/local-room.ts and evidence.ts
 *
 * Two receivers, two nodes, and a client that may leave and resume at the other node. Sound abstractions:
 * - One client shows what any number sees: clients meet only in the rooms.
 * - A call of Redis and what its caller makes of the reply are one step: replies keep their order, keep.pml and heal.pml take the time
 *   between the two apart, and what is not confirmed is in the spool. Wires are those of resume.pml.
 * - A client that is told of a gap asks what is recalled, as the protocol demands. Nodes also send what the log holds beyond the place
 *   where both epochs part; that only tells more.
 * - The answer that one receiver gets may be lost: the recall is then a repeat from its spool, confirmed without a position. The spool
 *   is drained before Redis goes back, and no answer is lost while recalls are published again.
 * - Each receiver has one recall. `RollbackDetector` is left out: it only finds sooner what the marker shows.
 * - An interruption makes every room compare its tail before it delivers more: the connection to a server that went back is another one.
 */
#include "checks.pml"

#define NO_REPUBLISHING 1         /* refuted by told: nobody publishes again */
#define MARKER_ONLY 2             /* refuted by told: what was confirmed after the marker that is still there counts as stored */
#define REPUBLISH_WITHOUT_RENEWAL 3 /* refuted by once: it is published again under the epoch in which it was told */
#define KEEP_EPOCH 4              /* refuted by once: nobody replaces the epoch of a log that went back */
#define REPEATS_RENEW_NOTHING 5   /* refuted by once: a log keeps its epoch though it lost a recall whose position is unknown */

#define RECALLS 2
#ifndef ROLLBACKS
#define ROLLBACKS 1
#endif
#define RECEIVERS 2
#define NODES 2
#define OFFLINE NODES
#define BIT(i) (1 << (i))
#define LAST_EPOCH 6

/* Redis: head, log, markers; the recalled set is what the log holds. `log[0]` is no entry. Recalls are 1, 2 … */
byte epoch = 1, head
byte log[RECALLS + 1]
byte marker[RECEIVERS]
/* The state to which it goes back: the log up to there is the same, because nothing else ever changes it. */
byte saved_epoch = 1, saved_head
byte saved_marker[RECEIVERS]
byte epochs = 1
byte rollbacks

/* Each receiver: its marker, and whether it has a reason for doubt. */
byte latest[RECEIVERS]
bool doubts[RECEIVERS]
/* The copy of each recall: which receiver has it, under which epochs it was confirmed, after which marker, whether it may be lost. */
byte owner[RECALLS + 1] = RECEIVERS
byte confirmed_in[RECALLS + 1], after_marker[RECALLS + 1]
bool is_lost[RECALLS + 1]
/* Whether the recall of the first receiver was confirmed as a repeat, so that it does not know in which epoch. */
bool is_repeat

/* The room on each node: its position, the notices it has delivered, by offset. */
byte at_epoch[NODES] = 1, at[NODES], room_earlier[NODES]
typedef Tail { byte notice[RECALLS + 1] }
Tail tail[NODES]
bool must_compare[NODES]

/* The client: the node, the position, what it has been told in all, and as notices since the last gap. */
byte node, place_epoch = 1, place, seen, given

#define IS_STORED(recall) (log[1] == recall || log[2] == recall)

inline renew() {
  assert(epochs < LAST_EPOCH)
  epochs++
  epoch = epochs
  printf("epoch %d begins at offset %d\n", epoch, head)
}

/* new-epoch.lua */
inline replace_epoch(old) {
  if
  :: epoch == old && defect != KEEP_EPOCH -> renew()
  :: else
  fi
}

inline publish(receiver, recall) {
  head++
  log[head] = recall
  printf("receiver %d publishes recall %d as (%d,%d)\n", receiver, recall, epoch, head)
  confirmed_in[recall] = confirmed_in[recall] | BIT(epoch)
  after_marker[recall] = latest[receiver]
  is_lost[recall] = false
}

proctype Receiver(byte me) {
  byte recall
  do
  /* A new recall. */
  :: atomic { owner[me + 1] == RECEIVERS -> owner[me + 1] = me; publish(me, me + 1) }

  /* keep-copies.ts, `check`: if nothing has changed since the last one, another check changes nothing. */
  :: atomic { owner[me + 1] == me && (doubts[me] || marker[me] != latest[me] || after_marker[me + 1] == latest[me]) ->
      if
      :: doubts[me] && defect != MARKER_ONLY || marker[me] != latest[me] ->
        REACHED(receiver_suspects_loss)
        is_lost[me + 1] = (is_lost[me + 1] || after_marker[me + 1] >= marker[me])
      :: else
      fi
      doubts[me] = false
      latest[me]++
      marker[me] = latest[me] }

  /* republishing.ts, `store` */
  :: atomic { is_lost[me + 1] && defect != NO_REPUBLISHING ->
      recall = me + 1
      if
      :: IS_STORED(recall) -> is_lost[recall] = false; recall = 0; goto next
      :: !IS_STORED(recall) && (confirmed_in[recall] & BIT(epoch)) && defect != REPUBLISH_WITHOUT_RENEWAL -> replace_epoch(epoch)
      :: !IS_STORED(recall) && me == 0 && is_repeat && defect != REPEATS_RENEW_NOTHING -> REACHED(renewed_for_repeat); replace_epoch(epoch)
      :: else
      fi
    }
    atomic {
      if
      :: IS_STORED(recall)
      :: else -> REACHED(published_again); publish(me, recall); if :: me == 0 && ROLLBACKS == 1 -> is_repeat = false :: else fi
      fi
      recall = 0
    }
next:
    skip
  od
}

/* A snapshot is made, or a replica has come so far; Redis goes back to it. */
proctype Redis() {
  bool has_saved
  do
  :: atomic { !has_saved && rollbacks == 0 -> has_saved = true; saved_epoch = epoch; saved_head = head
      saved_marker[0] = marker[0]; saved_marker[1] = marker[1]
      printf("what Redis has now survives\n") }
  :: atomic { rollbacks < ROLLBACKS ->
      rollbacks++
      epoch = saved_epoch
      head = saved_head
      log[1] = (head >= 1 -> log[1] : 0)
      log[2] = (head >= 2 -> log[2] : 0)
      marker[0] = saved_marker[0]; marker[1] = saved_marker[1]
      doubts[0] = true; doubts[1] = true
      /* Chosen as late as it makes a difference. */
      if
      :: confirmed_in[1] && !IS_STORED(1) -> REACHED(confirmed_as_repeat); is_repeat = true; confirmed_in[1] = 0
      :: true
      fi
      must_compare[0] = true; must_compare[1] = true
      printf("Redis goes back to (%d,%d)\n", epoch, head) }
  od
}

inline give(recall, of_epoch, offset) {
  printf("the client is given recall %d as (%d,%d)\n", recall, of_epoch, offset)
  if
  :: given & BIT(recall) -> VIOLATED(once)
  :: else
  fi
  given = given | BIT(recall)
  seen = seen | BIT(recall)
  place = offset
}

/* The client reloads: it asks what is recalled. */
inline give_gap(of_epoch, offset) {
  printf("the client is told of a gap, up to (%d,%d)\n", of_epoch, offset)
  place_epoch = of_epoch
  place = offset
  given = 0
  seen = seen | BIT(log[1]) | BIT(log[2])
}

#define DIFFERS(n, o) (o <= at[n] && tail[n].notice[o] > 0 && tail[n].notice[o] != log[o])

/* `LocalRoom` */
proctype Node(byte me) {
  do
  /* The log went back: `#replaceEpoch` */
  :: atomic { must_compare[me] && at_epoch[me] == epoch && (at[me] > head || (DIFFERS(me, 1) || DIFFERS(me, 2))) ->
      REACHED(room_sees_rollback)
      if
      :: defect == KEEP_EPOCH -> must_compare[me] = false; at[me] = (at[me] > head -> head : at[me])
      :: else -> renew()
      fi }
  :: atomic { must_compare[me] && !(at_epoch[me] == epoch && (at[me] > head || (DIFFERS(me, 1) || DIFFERS(me, 2)))) -> must_compare[me] = false }
  :: atomic { !must_compare[me] && at_epoch[me] == epoch && at[me] < head ->
      at[me]++
      tail[me].notice[at[me]] = log[at[me]]
      if
      :: node == me -> give(log[at[me]], epoch, at[me])
      :: else
      fi }
  :: atomic { !must_compare[me] && at_epoch[me] != epoch ->
      if
      :: room_earlier[me] & BIT(epoch) -> printf("the epoch is an earlier one\n"); renew()
      :: else ->
        /* With one rollback, no epoch can return. */
        room_earlier[me] = room_earlier[me] | (ROLLBACKS > 1 -> BIT(at_epoch[me]) : 0)
        at_epoch[me] = epoch
        at[me] = head
        tail[me].notice[1] = 0
        tail[me].notice[2] = 0
        if
        :: node == me -> give_gap(epoch, head)
        :: else
        fi
      fi }
  od
}

/* The client may leave, and resume at the other node. */
proctype Client() {
  byte offset
  if
  :: node = OFFLINE
  :: goto stays
  fi
  atomic {
    node = 1
    printf("the client resumes from (%d,%d)\n", place_epoch, place)
    if
    :: place_epoch != at_epoch[1] || place > at[1] -> REACHED(resumed_with_gap); give_gap(at_epoch[1], at[1])
    :: else ->
      REACHED(resumed)
      do
      :: place < at[1] -> offset = place + 1
        if
        :: tail[1].notice[offset] > 0 -> give(tail[1].notice[offset], at_epoch[1], offset)
        /* It reads the log, which is another one by now. */
        :: tail[1].notice[offset] == 0 && (epoch != at_epoch[1] || head < offset) -> give_gap(at_epoch[1], at[1])
        :: else -> give(log[offset], at_epoch[1], offset)
        fi
      :: else -> break
      od
    fi
    offset = 0
  }
stays:
}

init {
  atomic {
    CHOOSE_DEFECT
    run Redis(); run Receiver(0); run Receiver(1); run Node(0); run Node(1); run Client()
  }
}

#define IS_TOLD(recall) (IS_STORED(recall) && (seen & BIT(recall)))
ltl told { <> [] (IS_TOLD(1) && IS_TOLD(2)) }
