/*
 * Publish, spool, drain: a recall that was answered with OK is in Redis or on a disk, whatever happens, and enters the log once.
 *
 * server/broker/spooling/spooling-broker.ts, drain.ts and spool.ts, server/broker/redis/scripts/publish.lua
 *
 * Two receivers and Redis, which loses nothing here (see rollback.pml). A step is one turn of an event loop, one call of Redis, or one
 * write of a disk. Time is left out: whatever may time out may do so at any moment, as long as there are faults left. Sound
 * abstractions:
 * - A recall has one message, and there is one room: the publish script treats each message, and each room, alike and in one step.
 * - The drain publishes one recall at a time. Batches and the handover give recalls to Redis in the same order, on one connection.
 * - What only Redis refuses, and is set apart, is left out: a refusal here is a fault, and faults end.
 */
#include "checks.pml"

#define ANSWER_BEFORE_FLUSH 1     /* refuted by kept: OK while the disk still writes */
#define REMOVE_BEFORE_CONFIRMED 2 /* refuted by kept: the drain removes what it is about to publish */
#define NO_RECALLED_SET 3         /* refuted by once: whatever comes is new */
#define OLDER_TIME_IS_NEW 4       /* refuted by once: any other time is a new recall */
#define OVERTAKE_SPOOL 5          /* refuted by in_order: new recalls do not queue behind the spool */
#define FORGET_LATE_FLUSH 6       /* refuted by drained: a flush that ends after the deadline wakes nobody */
#define STAY_BEHIND 7             /* refuted by drained: recalls take the way over the disk for ever */

/* Recalls 0 and 1 are about the same message, 1 later; 2 is about another one. */
#define RECALLS 3
#define MESSAGE(recall) (recall / 2)
#define TIME(recall) (1 + recall % 2)

#define RECEIVERS 2
#ifndef FAULTS
#define FAULTS 2
#endif

/* Redis: the recalled set, what the log has got, and calls that are carried out when nobody waits for them any more. */
byte recalled_at[2]
bool is_logged[RECALLS]
chan late = [FAULTS] of { byte }

/* Each receiver: what is flushed to its disk, oldest first, and its memory. */
chan disk[RECEIVERS] = [RECALLS] of { byte }
byte writes[RECEIVERS]
bool is_behind[RECEIVERS]
bool is_draining[RECEIVERS]
/* How often it was killed. */
byte life[RECEIVERS]

byte faults
bool is_ok[RECALLS]
/* Recall 2 came to receiver 0 when that one had answered recall 0, and no slow disk allows it to overtake. */
bool is_second

/* Or a later recall of the same message is. */
#define STORED(recall) (is_logged[recall] || recalled_at[MESSAGE(recall)] >= TIME(recall))
#define ON_DISK(recall) (disk[0]??[recall] || disk[1]??[recall])
#define LOST(recall) (is_ok[recall] && !STORED(recall) && !ON_DISK(recall))

/* publish.lua */
inline store(recall) {
  if
  :: defect != NO_RECALLED_SET && recalled_at[MESSAGE(recall)] == TIME(recall) -> REACHED(repeat)
  :: defect != NO_RECALLED_SET && defect != OLDER_TIME_IS_NEW && recalled_at[MESSAGE(recall)] > TIME(recall) ->
    REACHED(old_news)
  :: else ->
    printf("Redis stores recall %d\n", recall)
    if
    :: is_logged[recall] -> VIOLATED(once)
    :: recall == 2 && is_second && !STORED(0) -> VIOLATED(in_order)
    :: else
    fi
    is_logged[recall] = true
    recalled_at[MESSAGE(recall)] = TIME(recall)
  fi
}

/* `Broker.publish`, up to Redis. What follows is the reply, or the end of the time. */
inline call_redis(recall, is_stored) {
  atomic {
    if
    :: store(recall); is_stored = true
    :: faults < FAULTS -> faults++; is_stored = false
      if
      :: printf("Redis refuses recall %d\n", recall)
      :: late!recall; printf("Redis does not reply about recall %d yet\n", recall)
      fi
    fi
  }
}

inline answer_ok(receiver, recall) {
  printf("receiver %d answers recall %d with OK\n", receiver, recall)
  is_ok[recall] = true
}

/* drain.ts, `wake` */
inline wake(receiver) {
  if
  :: len(disk[receiver]) > 0 || writes[receiver] > 0 -> is_draining[receiver] = true
  :: else -> is_behind[receiver] = is_behind[receiver] && is_draining[receiver]
  fi
}

inline flush(receiver, recall) {
  disk[receiver]!recall
  writes[receiver]--
  printf("recall %d is on the disk of receiver %d\n", recall, receiver)
}

/* A call of the provider. spooling-broker.ts, `publish` */
proctype Webhook(byte recall; byte receiver) {
  byte mine
  bool is_direct, is_stored
  mine = life[receiver]
  {
    atomic {
      is_direct = (!is_behind[receiver] || defect == OVERTAKE_SPOOL)
      is_second = (is_second || recall == 2 && is_ok[0])
    }
    if
    :: is_direct ->
      call_redis(recall, is_stored)
    :: else -> REACHED(queued_behind_spool)
    fi
    atomic {
      if
      :: is_stored -> answer_ok(receiver, recall); goto done
      :: is_stored && faults < FAULTS -> faults++; printf("the reply about recall %d is lost\n", recall); REACHED(reply_lost)
      :: !is_stored
      fi
      is_stored = false
      is_behind[receiver] = true
      writes[receiver]++
      if
      :: defect == ANSWER_BEFORE_FLUSH -> answer_ok(receiver, recall)
      :: else
      fi
    }
    if
    :: atomic { flush(receiver, recall); wake(receiver); answer_ok(receiver, recall); goto done }
    :: atomic { faults < FAULTS -> faults++; writes[receiver]--; wake(receiver)
        printf("the disk of receiver %d fails\n", receiver); goto done }
    /* What reaches the disk late is published all the same. */
    :: atomic { faults < FAULTS -> faults++; printf("the disk of receiver %d is slow\n", receiver) }
    fi
    if
    :: is_direct
    :: else ->
      atomic { is_second = (is_second && recall != 2); call_redis(recall, is_stored) }
    fi
    atomic {
      flush(receiver, recall)
      REACHED(flushed_late)
      if
      :: defect == FORGET_LATE_FLUSH
      :: else -> wake(receiver)
      fi
      if
      :: is_stored -> answer_ok(receiver, recall)
      :: else
      fi
    }
  } unless { life[receiver] != mine }
done:
  mine = 0; is_direct = false; is_stored = false
}

/* drain.ts, `run` */
proctype Drain(byte receiver) {
  byte recall, mine
  bool is_stored
restart:
  {
    do
    :: atomic {
        is_draining[receiver] && len(disk[receiver]) > 0 ->
        if
        :: defect == REMOVE_BEFORE_CONFIRMED -> disk[receiver]?recall
        :: else -> disk[receiver]?<recall>
        fi
        call_redis(recall, is_stored)
      }
      atomic {
        if
        :: is_stored && defect != REMOVE_BEFORE_CONFIRMED ->
          disk[receiver]?recall
          printf("receiver %d removes recall %d from its disk\n", receiver, recall)
          REACHED(drained)
        :: is_stored && faults < FAULTS -> faults++
        :: !is_stored || defect == REMOVE_BEFORE_CONFIRMED
        fi
        recall = 0
        is_stored = false
      }
    :: atomic {
        is_draining[receiver] && len(disk[receiver]) == 0 && writes[receiver] == 0 ->
        is_draining[receiver] = false
        is_behind[receiver] = (defect == STAY_BEHIND)
      }
    od
  } unless {
    atomic { life[receiver] != mine -> mine = life[receiver]; recall = 0; is_stored = false; goto restart }
  }
}

/* A receiver is killed and started again: its disk remains. */
proctype Kill(byte receiver) {
  atomic {
    faults < FAULTS -> faults++
    printf("receiver %d is killed\n", receiver)
    life[receiver]++
    writes[receiver] = 0
    is_behind[receiver] = len(disk[receiver]) > 0
    is_draining[receiver] = len(disk[receiver]) > 0
    if
    :: len(disk[receiver]) > 0 -> REACHED(restarted_with_spool)
    :: else
    fi
  }
}

proctype Redis() {
  byte recall
  do
  :: atomic { late?recall -> if :: store(recall); REACHED(stored_late) :: skip fi; recall = 0 }
  od
}

/* Holds in every state. */
proctype Monitor() {
  atomic { LOST(0) || LOST(1) || LOST(2) -> VIOLATED(kept) }
}

/* At any time, nothing fails any more: no property may rely on a fault. */
proctype Calm() {
  faults = FAULTS
}

init {
  atomic {
    CHOOSE_DEFECT
    run Monitor(); run Redis()
    run Drain(0); run Drain(1); run Kill(0); run Calm()
    run Webhook(0, 0)
    if
    :: run Webhook(1, 0)
    :: run Webhook(1, 1)
    fi
    if
    :: run Webhook(2, 0)
    /* A repeat: the provider calls again. */
    :: run Webhook(0, 1)
    fi
  }
}

#define QUIET(receiver) (len(disk[receiver]) == 0 && writes[receiver] == 0 && !is_behind[receiver])
ltl drained { <> [] (QUIET(0) && QUIET(1)) }
