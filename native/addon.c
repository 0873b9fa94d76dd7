// The native helper of RingMQ: what JavaScript cannot do, or only by a detour. N-API and libuv only, no V8 API, so that
// one build serves every Node of the same N-API version. Each function has a TypeScript twin in twins.ts.
//
// Context-aware: several worker threads of one process load it. Only the table of doorbells is shared between them; a
// slot is written by the thread that owns the doorbell, under its lock, and rung by the others under the same lock.
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define DOORBELLS_MAX 1024

typedef struct {
  uv_async_t async;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  int32_t number;
} doorbell_t;

static struct {
  pthread_mutex_t lock;
  doorbell_t* bell;
} table[DOORBELLS_MAX];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void init_table(void) {
  for (int i = 0; i < DOORBELLS_MAX; i++) pthread_mutex_init(&table[i].lock, NULL);
}

static napi_value throw_error(napi_env env, const char* text) {
  napi_throw_error(env, NULL, text);
  return NULL;
}

// Runs on the owner's loop after at least one ring.
static void on_ring(uv_async_t* async) {
  doorbell_t* bell = async->data;
  napi_handle_scope scope;
  napi_value callback, global;
  napi_open_handle_scope(bell->env, &scope);
  if (napi_get_reference_value(bell->env, bell->callback, &callback) == napi_ok && napi_get_global(bell->env, &global) == napi_ok &&
      napi_make_callback(bell->env, bell->context, global, callback, 0, NULL, NULL) == napi_pending_exception) {
    // Nobody of JavaScript called us, so nobody would ever see it: it ends the thread, as an exception of a timer does.
    napi_value thrown;
    if (napi_get_and_clear_last_exception(bell->env, &thrown) == napi_ok) napi_fatal_exception(bell->env, thrown);
  }
  napi_close_handle_scope(bell->env, scope);
}

// From here on nobody rings it: a ringer holds the lock while it touches the handle.
static void take_down(doorbell_t* bell) {
  if (bell->number < 0) return;
  pthread_mutex_lock(&table[bell->number].lock);
  table[bell->number].bell = NULL;
  pthread_mutex_unlock(&table[bell->number].lock);
}

// The loop has let go of the handle; with the hook gone the thread may end.
static void on_closed(uv_handle_t* handle) {
  doorbell_t* bell = handle->data;
  napi_async_cleanup_hook_handle hook = bell->hook;
  free(bell);
  napi_remove_async_cleanup_hook(hook);
}

static void close_bell(doorbell_t* bell) {
  if (uv_is_closing((uv_handle_t*)&bell->async)) return;
  take_down(bell);
  napi_delete_reference(bell->env, bell->callback);
  napi_async_destroy(bell->env, bell->context);
  uv_close((uv_handle_t*)&bell->async, on_closed);
}

// The thread ends: its loop closes the handle, and the thread waits for that.
static void on_env_cleanup(napi_async_cleanup_hook_handle hook, void* data) {
  doorbell_t* bell = data;
  bell->hook = hook;
  close_bell(bell);
}

// createDoorbell(callback) -> number
static napi_value create_doorbell(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value callback, name, result;
  napi_valuetype type = napi_undefined;
  napi_get_cb_info(env, info, &count, &callback, NULL, NULL);
  if (napi_typeof(env, callback, &type) != napi_ok || type != napi_function) return throw_error(env, "Cannot create a doorbell: expected a function");
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return throw_error(env, "Cannot create a doorbell: no event loop");
  doorbell_t* bell = calloc(1, sizeof *bell);
  if (bell == NULL) return throw_error(env, "Cannot create a doorbell: out of memory");
  bell->env = env;
  bell->number = -1;
  if (uv_async_init(loop, &bell->async, on_ring) != 0) {
    free(bell);
    return throw_error(env, "Cannot create a doorbell: the event loop takes no handle");
  }
  bell->async.data = bell;
  // A doorbell alone keeps no thread alive.
  uv_unref((uv_handle_t*)&bell->async);
  napi_create_string_utf8(env, "ringmq:doorbell", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, callback, 1, &bell->callback);
  napi_async_init(env, NULL, name, &bell->context);
  napi_add_async_cleanup_hook(env, on_env_cleanup, bell, &bell->hook);
  // In the table last: a thread with the number of an earlier doorbell may ring it at once.
  for (int i = 0; i < DOORBELLS_MAX && bell->number < 0; i++) {
    pthread_mutex_lock(&table[i].lock);
    if (table[i].bell == NULL) {
      table[i].bell = bell;
      bell->number = i;
    }
    pthread_mutex_unlock(&table[i].lock);
  }
  if (bell->number < 0) {
    close_bell(bell);
    return throw_error(env, "Cannot create a doorbell: all are in use");
  }
  napi_create_int32(env, bell->number, &result);
  return result;
}

// ringDoorbell(number) -> boolean: false when its thread has ended
static napi_value ring_doorbell(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int32_t number = -1;
  bool rung = false;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &number);
  if (number >= 0 && number < DOORBELLS_MAX) {
    pthread_mutex_lock(&table[number].lock);
    if (table[number].bell != NULL) rung = uv_async_send(&table[number].bell->async) == 0;
    pthread_mutex_unlock(&table[number].lock);
  }
  napi_get_boolean(env, rung, &result);
  return result;
}

// closeDoorbell(number) -> void: by the thread that made it
static napi_value close_doorbell(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t number = -1;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &number);
  if (number < 0 || number >= DOORBELLS_MAX) return NULL;
  pthread_mutex_lock(&table[number].lock);
  doorbell_t* bell = table[number].bell;
  pthread_mutex_unlock(&table[number].lock);
  // Only the owner takes its doorbell down, and the owner is here: nothing can come between the look and the closing.
  if (bell != NULL && bell->env == env) close_bell(bell);
  return NULL;
}

// sendBatch(fds: Int32Array, bytes: Uint8Array, ends: Int32Array, results: Int32Array) -> void
// Piece i is bytes[ends[i - 1], ends[i]) and goes to fds[i]; results[i] = bytes taken, or -errno.
static napi_value send_batch(napi_env env, napi_callback_info info) {
  size_t count = 4, fds_count, bytes_count, ends_count, results_count;
  napi_value arguments[4];
  napi_typedarray_type type;
  int32_t *fds, *ends, *results;
  uint8_t* bytes;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  if (count < 4 || napi_get_typedarray_info(env, arguments[0], &type, &fds_count, (void**)&fds, NULL, NULL) != napi_ok ||
      type != napi_int32_array || napi_get_typedarray_info(env, arguments[1], &type, &bytes_count, (void**)&bytes, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || napi_get_typedarray_info(env, arguments[2], &type, &ends_count, (void**)&ends, NULL, NULL) != napi_ok ||
      type != napi_int32_array || napi_get_typedarray_info(env, arguments[3], &type, &results_count, (void**)&results, NULL, NULL) != napi_ok ||
      type != napi_int32_array || ends_count < fds_count || results_count < fds_count) {
    return throw_error(env, "Cannot send a batch: expected Int32Array, Uint8Array, Int32Array, Int32Array, one end and one result a descriptor");
  }
  int32_t start = 0;
  for (size_t i = 0; i < fds_count; i++) {
    int32_t end = ends[i];
    if (end < start || (size_t)end > bytes_count) return throw_error(env, "Cannot send a batch: ends must grow and lie within the bytes");
    ssize_t sent = send(fds[i], bytes + start, (size_t)(end - start), MSG_DONTWAIT | MSG_NOSIGNAL);
    results[i] = sent < 0 ? -errno : (int32_t)sent;
    start = end;
  }
  return NULL;
}

// pinThread(core) -> boolean: the calling thread runs on this core only
static napi_value pin_thread(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int32_t core = -1;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &core);
  bool pinned = false;
#ifdef __linux__
  if (core >= 0 && core < CPU_SETSIZE) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    pinned = sched_setaffinity(0, sizeof set, &set) == 0;
  }
#endif
  napi_get_boolean(env, pinned, &result);
  return result;
}

// nameThread(name) -> boolean: as `top -H` shows it, 15 bytes
static napi_value name_thread(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value argument, result;
  char name[16] = {0};
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  bool named = napi_get_value_string_utf8(env, argument, name, sizeof name, &length) == napi_ok;
#ifdef __linux__
  named = named && pthread_setname_np(pthread_self(), name) == 0;
#else
  named = false;
#endif
  napi_get_boolean(env, named, &result);
  return result;
}

// mapLargeBlocks(bytes) -> boolean: blocks of this size and more are given back to the system as soon as they are freed
static napi_value map_large_blocks(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  int32_t bytes = 0;
  bool done = false;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_int32(env, argument, &bytes);
#ifdef __GLIBC__
  // Setting it also stops glibc from raising it with every large block that is freed.
  done = bytes > 0 && mallopt(M_MMAP_THRESHOLD, bytes) == 1;
#endif
  napi_get_boolean(env, done, &result);
  return result;
}

static napi_value init(napi_env env, napi_value exports) {
  pthread_once(&table_once, init_table);
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"createDoorbell", create_doorbell}, {"ringDoorbell", ring_doorbell},
      {"closeDoorbell", close_doorbell},   {"sendBatch", send_batch},
      {"pinThread", pin_thread},           {"nameThread", name_thread},     {"mapLargeBlocks", map_large_blocks},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
