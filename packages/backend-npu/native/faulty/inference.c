#include "inference.h"

#include <stdlib.h>
#include <string.h>

#include "faults.h"

static int *volatile nowhere;

void free_tensors(tensors_struct *tensors) {
  for (size_t i = 0; i < tensors->num_tensors; i++) {
    free(tensors->names[i]);
    free(tensors->shapes[i]);
    free(tensors->data[i]);
  }
  free(tensors->names);
  free(tensors->data_types);
  free(tensors->ranks);
  free(tensors->shapes);
  free(tensors->data);
  free(tensors);
}

static size_t count_elements(const tensors_struct *tensors) {
  size_t count = 1;
  for (size_t i = 0; i < tensors->ranks[0]; i++) count *= tensors->shapes[0][i];
  return count;
}

bool is_valid(const tensors_struct *input) {
  return input != NULL && input->num_tensors == 1 && input->data_types[0] == DATA_TYPE_FLOAT && input->ranks[0] <= 8;
}

static void spoil(tensors_struct *output) {
  if (strikes(NULL_NAME)) {
    free(output->names[0]);
    output->names[0] = NULL;
  }
  if (strikes(NULL_DATA)) {
    free(output->data[0]);
    output->data[0] = NULL;
  }
  if (strikes(ABSURD_RANK)) output->ranks[0] = (size_t)1 << 40;
  if (strikes(ABSURD_SIZE) && output->ranks[0] > 0) output->shapes[0][0] = (size_t)1 << 60;
  if (strikes(UNKNOWN_TYPE)) output->data_types[0] = 77;
}

tensors_struct *infer(const tensors_struct *input) {
  const size_t rank = input->ranks[0], count = count_elements(input);
  tensors_struct *output = malloc(sizeof *output);
  output->num_tensors = 1;
  output->names = malloc(sizeof(char *));
  output->names[0] = strdup(settings.output);
  output->data_types = malloc(sizeof(int32_t));
  output->data_types[0] = DATA_TYPE_FLOAT;
  output->ranks = malloc(sizeof(size_t));
  output->ranks[0] = rank;
  output->shapes = malloc(sizeof(size_t *));
  output->shapes[0] = malloc((rank + 1) * sizeof(size_t));
  if (rank > 0) memcpy(output->shapes[0], input->shapes[0], rank * sizeof(size_t));
  output->data = malloc(sizeof(void *));
  float *doubled = malloc(count * sizeof(float) + 1);
  const float *given = input->data[0];
  for (size_t i = 0; i < count; i++) doubled[i] = 2 * given[i];
  output->data[0] = doubled;
  if (settings.service_us > 0) sleep_us(settings.service_us);
  if (strikes(HANG_EXECUTE)) hang(HANG_EXECUTE);
  if (strikes(ABORT)) abort();
  if (strikes(CRASH)) *nowhere = 1;
  if (strikes(EXIT)) exit(3);
  spoil(output);
  return output;
}
