/*
 * The floor under a switch of versions: what threads and atomics of this computer take for it, with no machine at all.
 *
 *   floor stop  THREADS EVENTS INTERVAL_US    all threads stop at a barrier, the last one to arrive switches
 *   floor store THREADS EVENTS INTERVAL_US    one atomic store of the function's pointer
 *
 * THREADS threads call a small function through a pointer for ever; its result says in the low bit which version it
 * was. The controller is a thread of its own that sleeps in between, as the process that asks for a patch: it switches
 * every INTERVAL_US at most, never before every thread has left the last stop, or seen the last store. One JSON document
 * on standard output; times in ns, one entry per event.
 *
 *   commit      stop: request to the last thread's decision; store: request to the end of the store
 *   stopped     stop: request to the last thread's arrival
 *   standstill  stop: last arrival to first departure
 *   blackout    stop: longest stay of a thread in the barrier
 *   seen        store: request to the first call of the new version by the last thread
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64

typedef uint32_t (*step_function)(uint32_t);

static uint32_t step_old(uint32_t value) { return (value * 1664525u + 1013904223u) & ~1u; }
static uint32_t step_new(uint32_t value) { return (value * 1664525u + 1013904223u) | 1u; }

struct worker {
  _Alignas(64) _Atomic int64_t seen;    /* when it completed its first call of the version that is current */
  _Atomic uint32_t version;             /* the version that `seen` is about */
  int64_t arrived, left;
};

static struct worker workers[MAX_THREADS];
static int threads, stopping_mode;
static _Atomic(step_function) step = step_old;
static _Alignas(64) _Atomic uint32_t wanted;     /* a stop is asked for */
static _Alignas(64) _Atomic uint32_t missing;    /* threads that have yet to arrive */
static _Alignas(64) _Atomic uint32_t generation; /* grows with each decision; the stopped wait on it */
static _Alignas(64) _Atomic uint32_t remaining;  /* threads that have yet to leave */
static int64_t decided;
static _Atomic int ended;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value) {
  syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* The last one to arrive switches and lets the others go. */
static void stop(struct worker *self) {
  uint32_t before = atomic_load(&generation);
  self->arrived = now();
  if (atomic_fetch_sub(&missing, 1) == 1) {
    atomic_store(&wanted, 0);
    atomic_store(&step, atomic_load(&step) == step_old ? step_new : step_old);
    decided = now();
    atomic_fetch_add(&generation, 1);
    futex(&generation, FUTEX_WAKE, INT32_MAX);
  } else {
    while (atomic_load(&generation) == before) futex(&generation, FUTEX_WAIT, before);
  }
  self->left = now();
  atomic_fetch_sub(&remaining, 1);
}

static uint32_t call(struct worker *self, uint32_t value) {
  uint32_t result = atomic_load_explicit(&step, memory_order_relaxed)(value);
  if ((result ^ value) & 1) {
    atomic_store(&self->seen, now());
    atomic_store(&self->version, result & 1);
  }
  return result;
}

static void *work(void *argument) {
  struct worker *self = argument;
  uint32_t value = 0;
  while (!atomic_load_explicit(&ended, memory_order_relaxed)) {
    value = call(self, value);
    if (atomic_load_explicit(&wanted, memory_order_relaxed)) stop(self);
  }
  return NULL;
}

static void print(const char *name, const int64_t *values, int count, const char *end) {
  printf("\"%s\":[", name);
  for (int i = 0; i < count; i++) printf("%s%lld", i ? "," : "", (long long)values[i]);
  printf("]%s", end);
}

static int all_seen(uint32_t version) {
  for (int i = 0; i < threads; i++) if (atomic_load(&workers[i].version) != version) return 0;
  return 1;
}

int main(int count, char **arguments) {
  if (count != 5 || (strcmp(arguments[1], "stop") && strcmp(arguments[1], "store"))) {
    fputs("usage: floor stop|store THREADS EVENTS INTERVAL_US\n", stderr);
    return 2;
  }
  stopping_mode = !strcmp(arguments[1], "stop");
  threads = atoi(arguments[2]);
  int events = atoi(arguments[3]), interval = atoi(arguments[4]);
  if (threads < 1 || threads > MAX_THREADS || events < 1 || interval < 0) return 2;
  int64_t *commit = calloc(events, sizeof(int64_t)), *stopped = calloc(events, sizeof(int64_t));
  int64_t *standstill = calloc(events, sizeof(int64_t)), *blackout = calloc(events, sizeof(int64_t));
  int64_t *seen = calloc(events, sizeof(int64_t));
  if (!commit || !stopped || !standstill || !blackout || !seen) return 1;

  pthread_t ids[MAX_THREADS];
  for (int i = 0; i < threads; i++) if (pthread_create(&ids[i], NULL, work, &workers[i])) return 1;
  for (int event = -1; event < events; event++) { /* the first is not counted: threads are still starting */
    uint32_t version = (uint32_t)(event + 2) & 1;
    struct timespec interval_time = {0, interval * 1000L};
    nanosleep(&interval_time, NULL);
    int64_t asked = now(), done;
    struct timespec pause = {0, 1000000}; /* as the host sleeps that asks a machine */
    if (stopping_mode) {
      atomic_store(&remaining, threads);
      atomic_store(&missing, threads);
      atomic_store(&wanted, 1);
      while (atomic_load(&remaining)) nanosleep(&pause, NULL);
      done = decided;
    } else {
      atomic_store(&step, version ? step_new : step_old);
      done = now();
      while (!all_seen(version)) nanosleep(&pause, NULL);
    }
    if (event < 0) continue;
    int64_t last = 0, first = INT64_MAX;
    for (int i = 0; i < threads; i++) {
      struct worker *one = &workers[i];
      if (one->arrived > last) last = one->arrived;
      if (one->left < first) first = one->left;
      if (one->left - one->arrived > blackout[event]) blackout[event] = one->left - one->arrived;
      if (atomic_load(&one->seen) - asked > seen[event]) seen[event] = atomic_load(&one->seen) - asked;
    }
    commit[event] = done - asked;
    stopped[event] = last - asked;
    standstill[event] = first - last;
  }
  atomic_store(&ended, 1);
  for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  printf("{");
  if (stopping_mode) {
    print("stopped", stopped, events, ",");
    print("standstill", standstill, events, ",");
    print("blackout", blackout, events, ",");
  } else {
    print("seen", seen, events, ",");
  }
  print("commit", commit, events, "}\n");
  return 0;
}
