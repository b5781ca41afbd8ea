// Groups over Gloo whose waits can always be ended. Gloo has no abort of its own: a wait for a
// collective is therefore a wait on our condition variable (completed or aborted), a wait for a
// send or a receive is ended through Work::abort, and a group whose threads may still be blocked is
// freed on a thread of its own. Forming a group happens on a thread of its own for the same reason.
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "Device.h"
#include "Support.h"

using ctorch::Aborted;
using ctorch::guarded;
using Milliseconds = std::chrono::milliseconds;

namespace {

/// A key-value store whose keys travel with the control messages. A `get` waits for the key.
class ControlStore : public c10d::Store {
 public:
  ControlStore(CTPublish publish, void (*release)(void *), void *context)
      : publish_(publish), release_(release), context_(context) {}
  ~ControlStore() override { release_(context_); }

  c10::intrusive_ptr<c10d::Store> clone() override {
    return c10::intrusive_ptr<c10d::Store>::unsafe_reclaim_from_nonowning(this);
  }
  void set(const std::string &key, const std::vector<uint8_t> &value) override {
    receive(key, value);
    publish_(context_, key.c_str(), value.data(), value.size());
  }
  std::vector<uint8_t> get(const std::string &key) override {
    wait({key}, timeout_);
    std::lock_guard<std::mutex> lock(mutex_);
    return values_.at(key);
  }
  bool check(const std::vector<std::string> &keys) override {
    std::lock_guard<std::mutex> lock(mutex_);
    return hasAll(keys);
  }
  void wait(const std::vector<std::string> &keys) override { wait(keys, timeout_); }
  void wait(const std::vector<std::string> &keys, const Milliseconds &timeout) override {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool isDone =
        changed_.wait_for(lock, timeout, [&] { return isAborted_ || hasAll(keys); });
    if (isAborted_) throw Aborted();
    if (!isDone) throw std::runtime_error("a member of the group did not appear in time");
  }
  int64_t add(const std::string &, int64_t) override { throw std::logic_error("add: unsupported"); }
  bool deleteKey(const std::string &) override { return false; }
  int64_t getNumKeys() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int64_t>(values_.size());
  }

  void receive(const std::string &key, std::vector<uint8_t> value) {
    std::lock_guard<std::mutex> lock(mutex_);
    values_[key] = std::move(value);
    changed_.notify_all();
  }
  void abort() {
    std::lock_guard<std::mutex> lock(mutex_);
    isAborted_ = true;
    changed_.notify_all();
    for (auto *listener : listeners_) listener->notify_all();
  }
  bool isAborted() {
    std::lock_guard<std::mutex> lock(mutex_);
    return isAborted_;
  }

 private:
  friend struct Formation;
  bool hasAll(const std::vector<std::string> &keys) const {
    for (const auto &key : keys) {
      if (values_.count(key) == 0) return false;
    }
    return true;
  }

  CTPublish publish_;
  void (*release_)(void *);
  void *context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<uint8_t>> values_;
  std::set<std::condition_variable *> listeners_;
  bool isAborted_ = false;
};

/// What outlives a group: the flag and the condition that its waits depend on.
struct Control {
  std::mutex mutex;
  std::condition_variable changed;
  bool isAborted = false;
  std::set<c10d::Work *> transfers;
};

std::atomic<int64_t> drainingGroups{0};

std::shared_ptr<::gloo::transport::Device> sharedDevice(const std::string &host) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<::gloo::transport::Device>> devices;
  std::lock_guard<std::mutex> lock(mutex);
  auto &device = devices[host];
  if (!device) device = c10d::ProcessGroupGloo::createDeviceForHostname(host);
  return device;
}

using Backend = c10::intrusive_ptr<c10d::ProcessGroupGloo>;

void freeOnOwnThread(Backend backend) {
  drainingGroups++;
  std::thread([backend = std::move(backend)]() mutable {
    backend.reset();
    drainingGroups--;
  }).detach();
}

}  // namespace

struct CTStore {
  c10::intrusive_ptr<ControlStore> value;
};

struct CTGroup {
  Backend backend;
  std::shared_ptr<Control> control;
  /// How long a send or a receive may take: the backend's own limit for them stays that for forming the
  /// group, whatever it is told later.
  Milliseconds patience;
};

struct CTWork {
  c10::intrusive_ptr<c10d::Work> value;
  std::shared_ptr<Control> control;
  /// What the caller gave, and what Gloo works on: the same, or a copy in the host's memory.
  at::Tensor tensor, staged;
  bool isCollective;
  /// Whether `staged` is copied back when the work is done.
  bool isResult;
  Milliseconds patience;
};

CTStatus ct_store_new(
    CTPublish publish, void (*release)(void *context), void *context, CTStore **out) {
  return guarded([&] {
    *out = new CTStore{c10::make_intrusive<ControlStore>(publish, release, context)};
  });
}

void ct_store_free(CTStore *store) { delete store; }

void ct_store_receive(CTStore *store, const char *key, const uint8_t *bytes, size_t count) {
  store->value->receive(key, std::vector<uint8_t>(bytes, bytes + count));
}

void ct_store_abort(CTStore *store) { store->value->abort(); }

namespace {

/// A group being formed on a thread of its own, so that its waiter can give up.
struct Formation {
  std::condition_variable done;
  Backend backend;
  std::string error;
  bool isDone = false;
  bool isAbandoned = false;

  static Backend connect(
      c10::intrusive_ptr<ControlStore> store, const std::string &name, int rank, int size,
      const std::string &host, Milliseconds timeout) {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(sharedDevice(host));
    options->threads = 1;
    store->setTimeout(timeout);
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>(name, store);
    return c10::make_intrusive<c10d::ProcessGroupGloo>(prefixed, rank, size, options);
  }

  /// Guarded by the store's mutex, which an abort takes too.
  static Backend run(
      c10::intrusive_ptr<ControlStore> store, const std::string &name, int rank, int size,
      const std::string &host, Milliseconds timeout) {
    auto formation = std::make_shared<Formation>();
    std::thread([formation, store, name, rank, size, host, timeout] {
      Backend backend;
      std::string error;
      try {
        backend = connect(store, name, rank, size, host, timeout);
      } catch (const std::exception &exception) {
        error = exception.what();
      }
      std::unique_lock<std::mutex> lock(store->mutex_);
      formation->isDone = true;
      formation->error = error;
      formation->backend = backend;
      formation->done.notify_all();
      const bool isAbandoned = formation->isAbandoned;
      lock.unlock();
      if (isAbandoned && backend) freeOnOwnThread(std::move(backend));
    }).detach();

    std::unique_lock<std::mutex> lock(store->mutex_);
    store->listeners_.insert(&formation->done);
    formation->done.wait_for(
        lock, timeout * 2, [&] { return formation->isDone || store->isAborted_; });
    store->listeners_.erase(&formation->done);
    formation->isAbandoned = true;
    auto backend = std::move(formation->backend);
    const bool isAborted = store->isAborted_;
    lock.unlock();
    if (isAborted) {
      if (backend) freeOnOwnThread(std::move(backend));
      throw Aborted();
    }
    if (!backend) {
      throw std::runtime_error(
          formation->isDone ? formation->error : "the group did not form in time");
    }
    return backend;
  }
};

/// What Gloo can work on in place of `tensor`: it knows the host's memory only.
at::Tensor staged(const at::Tensor &tensor, bool copies) {
  if (tensor.is_cpu()) return tensor;
  at::Tensor host = ctorch::stagingFor(tensor);
  if (copies) host.copy_(tensor);
  return host;
}

CTWork *started(
    CTGroup *group, c10::intrusive_ptr<c10d::Work> work, at::Tensor tensor, at::Tensor staged,
    bool isCollective, bool isResult) {
  auto control = group->control;
  if (isCollective) {
    work->getFuture()->addCallback([control](c10::ivalue::Future &) {
      std::lock_guard<std::mutex> lock(control->mutex);
      control->changed.notify_all();
    });
  } else {
    std::lock_guard<std::mutex> lock(control->mutex);
    control->transfers.insert(work.get());
    if (control->isAborted) work->abort();
  }
  return new CTWork{
      std::move(work), control, std::move(tensor), std::move(staged), isCollective, isResult,
      group->patience};
}

void checkNotAborted(CTGroup *group) {
  std::lock_guard<std::mutex> lock(group->control->mutex);
  if (group->control->isAborted) throw Aborted();
}

}  // namespace

CTStatus ct_group_new(
    CTStore *store, const char *name, int rank, int size, const char *host,
    int64_t formation_milliseconds, int64_t wait_milliseconds, CTGroup **out) {
  return guarded([&] {
    auto backend =
        Formation::run(store->value, name, rank, size, host, Milliseconds(formation_milliseconds));
    backend->setTimeout(Milliseconds(wait_milliseconds));
    *out = new CTGroup{
        std::move(backend), std::make_shared<Control>(), Milliseconds(wait_milliseconds)};
  });
}

void ct_group_abort(CTGroup *group) {
  auto &control = *group->control;
  std::lock_guard<std::mutex> lock(control.mutex);
  control.isAborted = true;
  for (auto *work : control.transfers) {
    try {
      work->abort();
    } catch (const std::exception &) {
      // A work that is already complete has nothing to abort.
    }
  }
  control.changed.notify_all();
}

void ct_group_release(CTGroup *group) {
  ct_group_abort(group);
  freeOnOwnThread(std::move(group->backend));
  delete group;
}

int64_t ct_groups_draining(void) { return drainingGroups; }

CTStatus ct_group_all_reduce(CTGroup *group, CTTensor *tensor, CTWork **out) {
  return guarded([&] {
    checkNotAborted(group);
    std::vector<at::Tensor> tensors{staged(tensor->value, true)};
    auto work = group->backend->allreduce(tensors);
    *out = started(group, std::move(work), tensor->value, tensors[0], true, true);
  });
}

CTStatus ct_group_send(CTGroup *group, CTTensor *tensor, int peer, int tag, CTWork **out) {
  return guarded([&] {
    checkNotAborted(group);
    std::vector<at::Tensor> tensors{staged(tensor->value, true)};
    auto work = group->backend->send(tensors, peer, tag);
    *out = started(group, std::move(work), tensor->value, tensors[0], false, false);
  });
}

CTStatus ct_group_receive(CTGroup *group, CTTensor *tensor, int peer, int tag, CTWork **out) {
  return guarded([&] {
    checkNotAborted(group);
    std::vector<at::Tensor> tensors{staged(tensor->value, false)};
    auto work = group->backend->recv(tensors, peer, tag);
    *out = started(group, std::move(work), tensor->value, tensors[0], false, true);
  });
}

namespace {

/// Copies what arrived to where the caller wants it.
void finish(CTWork *work) {
  if (work->isResult && !work->tensor.is_same(work->staged)) work->tensor.copy_(work->staged);
}

}  // namespace

CTStatus ct_work_wait(CTWork *work) {
  return guarded([&] {
    auto &control = *work->control;
    if (work->isCollective) {
      auto future = work->value->getFuture();
      std::unique_lock<std::mutex> lock(control.mutex);
      control.changed.wait(lock, [&] { return future->completed() || control.isAborted; });
      if (!future->completed()) throw Aborted();
      lock.unlock();
      if (future->hasError()) std::rethrow_exception(future->exception_ptr());
      finish(work);
      return;
    }
    const bool isComplete = work->value->wait(work->patience);
    std::lock_guard<std::mutex> lock(control.mutex);
    control.transfers.erase(work->value.get());
    if (!isComplete) throw Aborted();
    finish(work);
  });
}

void ct_work_free(CTWork *work) {
  {
    std::lock_guard<std::mutex> lock(work->control->mutex);
    work->control->transfers.erase(work->value.get());
  }
  delete work;
}
