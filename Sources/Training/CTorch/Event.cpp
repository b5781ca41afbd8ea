// Moments of the device's own time.
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "Device.h"
#include "Support.h"

using ctorch::guarded;

struct CTEvent {
  explicit CTEvent(c10::DeviceType type) : value(type, c10::EventFlag::BACKEND_DEFAULT) {}
  c10::Event value;
};

CTStatus ct_event_record(CTEvent **out) {
  return guarded([&] {
    const at::Device device = ctorch::device();
    TORCH_CHECK(!device.is_cpu(), "the host has no events");
    auto event = std::make_unique<CTEvent>(device.type());
    event->value.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
    *out = event.release();
  });
}

CTStatus ct_event_elapsed(CTEvent *start, CTEvent *end, double *seconds) {
  return guarded([&] {
    end->value.synchronize();
    *seconds = start->value.elapsedTime(end->value) / 1000;
  });
}

void ct_event_free(CTEvent *event) { delete event; }
