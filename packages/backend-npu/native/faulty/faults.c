#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const NAMES[FAULT_COUNT] = {
    [NONE] = "none",
    [SLEEP] = "sleep",
    [BLOCK] = "block",
    [REORDER] = "reorder",
    [DROP] = "drop",
    [ABORT] = "abort",
    [CRASH] = "crash",
    [EXIT] = "exit",
    [REFUSE] = "refuse",
    [FREE_REFUSED] = "free_refused",
    [HANG_INIT] = "hang_init",
    [HANG_LOAD] = "hang_load",
    [HANG_SEND] = "hang_send",
    [HANG_RECEIVE] = "hang_receive",
    [HANG_EXECUTE] = "hang_execute",
    [HANG_DESTROY] = "hang_destroy",
    [NULL_NAME] = "null_name",
    [NULL_DATA] = "null_data",
    [ABSURD_RANK] = "absurd_rank",
    [ABSURD_SIZE] = "absurd_size",
    [UNKNOWN_TYPE] = "unknown_type",
};

settings_t settings;

static unsigned long occasions[FAULT_COUNT];
static pthread_mutex_t occasions_mutex = PTHREAD_MUTEX_INITIALIZER;

void sleep_us(unsigned long us) {
  struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

bool is_on(fault which) {
  if (!settings.faults[which]) return false;
  return settings.switch_file[0] == '\0' || access(settings.switch_file, F_OK) == 0;
}

bool strikes(fault which) {
  if (!is_on(which)) return false;
  pthread_mutex_lock(&occasions_mutex);
  const bool now = ++occasions[which] % settings.every == 0;
  pthread_mutex_unlock(&occasions_mutex);
  return now;
}

void hang(fault which) {
  while (settings.switch_file[0] == '\0') pause();
  while (is_on(which)) sleep_us(20000);
}

static bool add_faults(const char *list) {
  for (const char *name = list; *name != '\0';) {
    const size_t length = strcspn(name, ",");
    int named = 0;
    while (named < FAULT_COUNT && (strlen(NAMES[named]) != length || strncmp(NAMES[named], name, length) != 0)) named++;
    if (named == FAULT_COUNT) return false;
    settings.faults[named] = true;
    name += length + (name[length] == ',');
  }
  return true;
}

static bool set_text(char *to, size_t size, const char *value) {
  if (strlen(value) >= size) return false;
  strcpy(to, value);
  return true;
}

bool configure(int length, const char **keys, const void **values) {
  settings = (settings_t){.every = 3, .queue_size = 100, .output = "y"};
  memset(occasions, 0, sizeof occasions);
  for (int i = 0; i < length; i++) {
    const char *key = keys[i], *value = values[i];
    bool good = true;
    if (strcmp(key, "fault") == 0) good = add_faults(value);
    if (strcmp(key, "switch") == 0) good = set_text(settings.switch_file, sizeof settings.switch_file, value);
    if (strcmp(key, "output") == 0) good = set_text(settings.output, sizeof settings.output, value);
    if (strcmp(key, "answer") == 0) good = set_text(settings.answer, sizeof settings.answer, value);
    if (strcmp(key, "every") == 0) settings.every = strtoul(value, NULL, 10);
    if (strcmp(key, "service_ms") == 0) settings.service_us = (unsigned long)(strtod(value, NULL) * 1000);
    if (strcmp(key, "queue_size") == 0) settings.queue_size = strtoul(value, NULL, 10);
    if (strcmp(key, "buffers") == 0) settings.buffers = strtoul(value, NULL, 10);
    if (!good) return false;
  }
  if (settings.every == 0) settings.every = 1;
  return true;
}
