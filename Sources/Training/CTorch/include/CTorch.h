// The C face of libtorch: the few operations the engine needs, each of which returns a status and
// leaves its result in an out parameter. C++ exceptions stop here. No function keeps a pointer that
// the caller passed, unless it says so.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CTTensor CTTensor;
typedef struct CTEvent CTEvent;
typedef struct CTStore CTStore;
typedef struct CTGroup CTGroup;
typedef struct CTWork CTWork;

typedef enum {
  CT_OK = 0,
  CT_ERROR = 1,
  CT_ABORTED = 2,
  CT_OUT_OF_RANGE = 3,
  CT_OUT_OF_MEMORY = 4
} CTStatus;
typedef enum {
  CT_FLOAT32 = 0,
  CT_INT64 = 1,
  CT_UINT8 = 2,
  CT_INT32 = 3,
  CT_BOOLEAN = 4,
  CT_BFLOAT16 = 5
} CTType;
typedef enum { CT_CPU = 0, CT_CUDA = 1 } CTDevice;
/// Where a tensor lies: in the memory of the process's device, or in the host's.
typedef enum { CT_ON_DEVICE = 0, CT_HOST = 1 } CTPlace;
typedef enum {
  CT_GELU_TANH = 0,
  CT_GELU = 1,
  CT_RELU = 2,
  CT_SILU = 3,
  CT_TANH = 4,
  CT_QUICK_GELU = 5
} CTActivation;

/// The message of the last call on this thread that did not return CT_OK.
const char *ct_error_message(void);

// Process ---------------------------------------------------------------------------------------

/// The version that the headers had at build time, and the one that is loaded, as "2.13.0".
const char *ct_version_built(void);
const char *ct_version_loaded(void);
/// The kernels that are chosen for this processor, as "AVX512".
const char *ct_kernel_level(void);
/// Fixes the number of threads of this process; ignores SIGPIPE, which a closed peer raises.
CTStatus ct_initialize(int thread_count);
/// Gives memory that is free but still held by the allocator back to the system.
void ct_release_free_memory(void);
/// From now on, freed blocks of host memory of `bytes` and more return to the system. Costs time,
/// since they must be allocated again.
void ct_return_blocks_from(size_t bytes);
/// Bytes in use of the memory that tensors are in: of a CUDA device by all processes, otherwise those of
/// this process that are resident.
CTStatus ct_memory_in_use(int64_t *out);
/// Seeds the dropout of this thread.
CTStatus ct_seed_dropout(uint64_t seed);
/// Whether forward passes of this thread are for training, which they are at first: with dropout, and
/// kept for gradients.
CTStatus ct_switch_training(bool is_on);
/// Whether operators of this thread take bfloat16 where libtorch's autocast says that they may; not at
/// first. Casts of parameters are kept until it is switched off.
CTStatus ct_switch_autocast(bool is_on);
/// Whether it is on.
bool ct_autocasts(void);
/// What tensors of one thread have allocated since its meter was started.
typedef struct {
  /// Bytes, less those that were freed, and the most that there were of them.
  int64_t current;
  int64_t peak;
  /// Bytes and blocks, freed or not.
  int64_t allocated;
  int64_t allocations;
} CTMemoryReading;

/// Starts, reads and stops the meter of what tensors on this thread allocate.
CTStatus ct_memory_meter_start(void);
CTStatus ct_memory_meter_read(CTMemoryReading *out);
CTStatus ct_memory_meter_stop(void);

// Device ----------------------------------------------------------------------------------------

/// Chooses where this process computes, before its first tensor. A process has one device.
CTStatus ct_use_device(CTDevice kind, int index);
/// Waits until the device has done all that it was told to.
CTStatus ct_device_synchronize(void);
/// Whether this process computes on the CPU.
bool ct_device_is_host(void);
/// A moment in the order of this thread's stream on a CUDA device.
CTStatus ct_event_record(CTEvent **out);
/// Seconds between two moments; waits for the second.
CTStatus ct_event_elapsed(CTEvent *start, CTEvent *end, double *seconds);
void ct_event_free(CTEvent *event);
/// Name, multiprocessors, memory and driver of a CUDA device; empty for the CPU.
const char *ct_device_name(void);
/// CUDA devices that the driver shows; fails where there is no driver.
CTStatus ct_cuda_device_count(int *out);

// Tensors ---------------------------------------------------------------------------------------

void ct_tensor_free(CTTensor *tensor);
CTStatus ct_tensor_empty(
    const int64_t *shape, int rank, CTType type, CTPlace place, CTTensor **out);
CTStatus ct_tensor_zeros(
    const int64_t *shape, int rank, CTType type, CTPlace place, CTTensor **out);
/// The elements in the host's memory: the same storage where they are there already.
CTStatus ct_tensor_to_host(CTTensor *tensor, CTTensor **out);
bool ct_tensor_is_on_host(CTTensor *tensor);
/// A view of `count(shape)` elements of the flat tensor `base`, from element `offset`.
CTStatus ct_tensor_view(
    CTTensor *base, int64_t offset, const int64_t *shape, int rank, CTTensor **out);
/// The same storage outside any graph, with `requires_grad` as given.
CTStatus ct_tensor_leaf(CTTensor *tensor, bool requires_grad, CTTensor **out);
CTStatus ct_tensor_contiguous(CTTensor *tensor, CTTensor **out);
CTStatus ct_tensor_accumulate(CTTensor *target, CTTensor *source);
CTStatus ct_tensor_copy(CTTensor *target, CTTensor *source);
CTStatus ct_tensor_fill_normal(CTTensor *tensor, double mean, double deviation, uint64_t seed);
/// Fills evenly between `low` and `high`.
CTStatus ct_tensor_fill_uniform(CTTensor *tensor, double low, double high, uint64_t seed);
/// Fills by a normal distribution of which only `low` to `high` is left.
CTStatus ct_tensor_fill_truncated_normal(
    CTTensor *tensor, double mean, double deviation, double low, double high, uint64_t seed);
CTStatus ct_tensor_fill(CTTensor *tensor, double value);
bool ct_tensor_is_floating_point(CTTensor *tensor);
int64_t ct_tensor_count(CTTensor *tensor);
int ct_tensor_rank(CTTensor *tensor);
int64_t ct_tensor_element_bytes(CTTensor *tensor);
int64_t ct_tensor_size(CTTensor *tensor, int dimension);
/// First element of a contiguous tensor in the host's memory; valid while the tensor lives.
void *ct_tensor_data(CTTensor *tensor);
CTStatus ct_tensor_item(CTTensor *tensor, double *out);
/// A digest of a contiguous tensor's bytes, started from `seed`: fast, and no proof against intent.
/// Tensors that differ in one aligned 64-bit word never have the same.
CTStatus ct_digest(CTTensor *tensor, uint64_t seed, uint64_t *out);

// Operations ------------------------------------------------------------------------------------

CTStatus ct_add(CTTensor *left, CTTensor *right, CTTensor **out);
CTStatus ct_embedding(CTTensor *weight, CTTensor *indices, CTTensor **out);
/// A view of the first `count` rows of input [rows, ...].
CTStatus ct_first_rows(CTTensor *input, int64_t count, CTTensor **out);
CTStatus ct_layer_norm(
    CTTensor *input, CTTensor *weight, CTTensor *bias, double epsilon, CTTensor **out);
/// input [..., in] * weight [in, out] + bias [out]
CTStatus ct_affine(CTTensor *input, CTTensor *weight, CTTensor *bias, CTTensor **out);
/// input [..., in] * weight [out, in]^T
CTStatus ct_project(CTTensor *input, CTTensor *weight, CTTensor **out);
CTStatus ct_activation(CTTensor *input, CTActivation activation, CTTensor **out);
/// The tensor with elements of another type; itself if they are of that.
CTStatus ct_cast(CTTensor *input, CTType type, CTTensor **out);
/// Each element times `factor`, without a gradient.
CTStatus ct_scale(CTTensor *input, double factor, CTTensor **out);
CTStatus ct_dropout(CTTensor *input, double probability, CTTensor **out);
/// Causal dot-product attention of qkv [batch, sequence, 3 * hidden] -> [.., hidden]; `scale`
/// multiplies the scores.
CTStatus ct_causal_attention(
    CTTensor *qkv, int heads, double scale, double dropout, CTTensor **out);
/// Mean cross entropy of logits [batch, sequence, vocabulary] against targets [batch, sequence]
CTStatus ct_cross_entropy(CTTensor *logits, CTTensor *targets, CTTensor **out);
/// Gradients of `outputs` with respect to `inputs`, zeros where they do not depend on one. `seeds` are
/// the outputs' own gradients; NULL is a scalar's 1.
CTStatus ct_gradients(
    CTTensor *const *outputs, CTTensor *const *seeds, int output_count, CTTensor *const *inputs,
    int count, CTTensor **out);

// Graphs ----------------------------------------------------------------------------------------

/// A list of ATen operators, run one after the other. Values have slots: first the inputs, then one
/// for each node.
typedef struct CTGraph CTGraph;

/// A graph without nodes. The inputs from `constant_begin` to `constant_end` are the same tensors in
/// every run: what follows from them alone is computed once.
CTStatus ct_graph_new(int inputs, int constant_begin, int constant_end, CTGraph **out);
void ct_graph_free(CTGraph *graph);
/// Adds a node, whose arguments follow. `grad` says whether gradients pass through it.
CTStatus ct_graph_operator(
    CTGraph *graph, const char *name, const char *overload, bool grad, bool autocast);
/// Adds a node that takes one of the results of the node in `slot`.
CTStatus ct_graph_result(CTGraph *graph, int slot, int index);
/// The next arguments of the node added last: a value, or a constant. `keyword` is NULL for those that
/// are given by position.
CTStatus ct_graph_slot(CTGraph *graph, const char *keyword, int slot);
CTStatus ct_graph_none(CTGraph *graph, const char *keyword);
CTStatus ct_graph_boolean(CTGraph *graph, const char *keyword, bool value);
CTStatus ct_graph_integer(CTGraph *graph, const char *keyword, int64_t value);
CTStatus ct_graph_number(CTGraph *graph, const char *keyword, double value);
CTStatus ct_graph_text(CTGraph *graph, const char *keyword, const char *value);
/// A property of tensors by its name in Python: `kind` is dtype, device, layout or memory_format.
CTStatus ct_graph_property(CTGraph *graph, const char *keyword, const char *kind, const char *name);
CTStatus ct_graph_integers(CTGraph *graph, const char *keyword, const int64_t *values, int count);
CTStatus ct_graph_numbers(CTGraph *graph, const char *keyword, const double *values, int count);
CTStatus ct_graph_booleans(CTGraph *graph, const char *keyword, const bool *values, int count);
/// Values by their slots; -1 is none.
CTStatus ct_graph_slots(CTGraph *graph, const char *keyword, const int *slots, int count);
/// Ends the graph, whose results are the values in `slots`. Nothing is added after it.
CTStatus ct_graph_finish(CTGraph *graph, const int *slots, int count);
/// Runs the graph once. `out` gets as many handles as ct_graph_finish named slots.
CTStatus ct_graph_run(CTGraph *graph, CTTensor *const *inputs, int count, CTTensor **out);

// What this machine has -------------------------------------------------------------------------

/// Floating point operations a second of products of square matrices, measured for at least `seconds`.
CTStatus ct_matmul_rate(bool bfloat16, int64_t size, double seconds, double *rate);
/// NCCL's version as it writes it (22703 is 2.27.3); 0 when it is not found.
int ct_nccl_version(void);
/// 1 when the system's clock is set by another one, 0 when it is not, -1 when the system does not say.
int ct_clock_is_synchronized(void);

// Exact sums and the optimizer ------------------------------------------------------------------

/// accumulator[offset + i] += round(gradient[i] * 2^40), exactly. Fails with CT_OUT_OF_RANGE, and
/// nothing added, when a value is not finite or its magnitude reaches `limit` (in units of 2^-40). A CUDA
/// device does not wait for the answer: it adds the other values, and remembers `mark` (0 to 16383).
CTStatus ct_accumulate_fixed_point(
    CTTensor *gradient, CTTensor *accumulator, int64_t offset, int64_t limit, int mark);
/// The marks that a CUDA device has remembered since the last call; waits for it. On the CPU there are
/// none.
CTStatus ct_fixed_point_take_marks(int *marks, int capacity, int *count);
/// Sum of squares of accumulator * 2^-40 * factor, rounded to float32 first, in a fixed order.
CTStatus ct_fixed_point_squared_norm(CTTensor *accumulator, double factor, double *out);
/// out = float32(float32(accumulator * 2^-40 * factor) * clip)
CTStatus ct_fixed_point_to_float(
    CTTensor *accumulator, double factor, double clip, CTTensor *out);
typedef enum { CT_ADAMW = 0, CT_SGD = 1 } CTOptimizer;
/// The constants of one update; `step` counts from one. Momentum is SGD's, betas and epsilon AdamW's.
typedef struct {
  CTOptimizer kind;
  int64_t step;
  double learning_rate, beta1, beta2, weight_decay, epsilon, momentum;
  bool nesterov;
} CTUpdateRule;
/// Parameters and the two moments: flat, contiguous, float32, of one size.
typedef struct {
  CTTensor *parameters, *first_moment, *second_moment;
} CTState;
/// A digest of a state, started from `seed`; as `ct_digest`.
CTStatus ct_state_digest(const CTState *state, uint64_t seed, uint64_t *out);
/// One update, in place, by the mean gradient sums * 2^-40 * factor times `clip`; elements from
/// `decay_end` have no weight decay. The sums are zero afterwards. `before` and `after` get the state's
/// digests as of `ct_state_digest`.
CTStatus ct_state_update(
    const CTState *state, CTTensor *sums, double factor, double clip, const CTUpdateRule *rule,
    int64_t decay_end, uint64_t seed, uint64_t *before, uint64_t *after);

// Collectives -----------------------------------------------------------------------------------

/// Called on some thread with a key this process publishes; `context` as given to ct_store_new.
typedef void (*CTPublish)(void *context, const char *key, const uint8_t *bytes, size_t count);

/// The rendezvous store of one generation. `context` must outlive the store's last publication:
/// `release` is called with it when the store is gone.
CTStatus ct_store_new(
    CTPublish publish, void (*release)(void *context), void *context, CTStore **out);
void ct_store_free(CTStore *store);
/// A key that another member published.
void ct_store_receive(CTStore *store, const char *key, const uint8_t *bytes, size_t count);
/// Wakes all who wait for keys; they fail with CT_ABORTED.
void ct_store_abort(CTStore *store);

/// Connects `size` members through `store`, blocking until all are there, the store is aborted, or
/// `formation_milliseconds` have passed. Later waits in the group end after `wait_milliseconds`.
/// `host` is the address that the others can reach.
CTStatus ct_group_new(
    CTStore *store, const char *name, int rank, int size, const char *host,
    int64_t formation_milliseconds, int64_t wait_milliseconds, CTGroup **out);
/// Makes every wait in this group fail with CT_ABORTED, now and later. Callable from any thread.
void ct_group_abort(CTGroup *group);
/// Aborts the group and frees it on a thread of its own, since its threads may still be blocked.
void ct_group_release(CTGroup *group);
/// Groups released whose threads have not ended yet.
int64_t ct_groups_draining(void);

/// In-place sum over all members. The tensor must not be touched until the work is waited for, and
/// not be used again when that fails: an aborted collective may still write it.
CTStatus ct_group_all_reduce(CTGroup *group, CTTensor *tensor, CTWork **out);
CTStatus ct_group_send(CTGroup *group, CTTensor *tensor, int peer, int tag, CTWork **out);
CTStatus ct_group_receive(CTGroup *group, CTTensor *tensor, int peer, int tag, CTWork **out);
CTStatus ct_work_wait(CTWork *work);
void ct_work_free(CTWork *work);

#ifdef __cplusplus
}
#endif
#endif
