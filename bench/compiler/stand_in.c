// A Vulkan driver around Mesa's RADV that lets Dawn open an AMD GPU which is not there (RADV_FORCE_FAMILY), to read what RADV's
// compiler makes of each shader. RADV by itself has then neither memory nor queues: memory is the host's here, and whatever would
// record or submit commands does nothing and succeeds. STAND_IN_DRIVER names libvulkan_radeon.so.
//
// Build: cc -shared -fPIC -O1 -o libstand_in.so stand_in.c -ldl     (main.ts does)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void (*Function)(void);
typedef Function (*Lookup)(void *, const char *);

static void *driver;
static Lookup driverInstance, driverDevice;

static void load(void) {
  if (driver) return;
  const char *path = getenv("STAND_IN_DRIVER");
  driver = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!driver) {
    fprintf(stderr, "stand-in driver: %s\n", path ? dlerror() : "STAND_IN_DRIVER is not set");
    _exit(1);
  }
  driverInstance = (Lookup)dlsym(driver, "vk_icdGetInstanceProcAddr");
}

static int succeed(void) { return 0; }

// Vulkan's structures as far as they are used, laid out as in vulkan_core.h.
enum { DEVICE_LOCAL = 1, HOST_VISIBLE = 2, HOST_COHERENT = 4, HOST_CACHED = 8 };
typedef struct {
  uint32_t typeCount;
  struct { uint32_t flags, heap; } types[32];
  uint32_t heapCount;
  struct { uint64_t size; uint32_t flags, padding; } heaps[16];
} MemoryProperties;
typedef struct { uint64_t size, alignment; uint32_t typeBits; } MemoryRequirements;
typedef struct { uint32_t type; const void *next; } Header;

static void memoryProperties(void *device, MemoryProperties *out) {
  (void)device;
  memset(out, 0, sizeof *out);
  out->typeCount = out->heapCount = 1;
  out->types[0].flags = DEVICE_LOCAL | HOST_VISIBLE | HOST_COHERENT | HOST_CACHED;
  out->heaps[0].size = 1ull << 37;
  out->heaps[0].flags = DEVICE_LOCAL;
}
static void memoryProperties2(void *device, Header *out) { memoryProperties(device, (MemoryProperties *)(out + 1)); }

static void (*driverRequirements)(void *, uint64_t, MemoryRequirements *);
static void (*driverRequirements2)(void *, const void *, Header *);
static void requirements(void *device, uint64_t buffer, MemoryRequirements *out) {
  driverRequirements(device, buffer, out);
  out->typeBits = 1;
}
static void requirements2(void *device, const void *info, Header *out) {
  driverRequirements2(device, info, out);
  ((MemoryRequirements *)(out + 1))->typeBits = 1;
}

// Pages exist once they are touched, so that a model's size costs nothing.
static int allocate(void *device, const Header *info, const void *allocator, uint64_t *out) {
  (void)device, (void)allocator;
  uint64_t size = *(const uint64_t *)(info + 1);
  void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  *out = (uint64_t)pages;
  return pages == MAP_FAILED ? -2 : 0;
}
static int map(void *device, uint64_t memory, uint64_t offset, uint64_t size, uint32_t flags, void **out) {
  (void)device, (void)size, (void)flags;
  *out = (char *)memory + offset;
  return 0;
}
static int createFence(void *device, const void *info, const void *allocator, uint64_t *out) {
  (void)device, (void)info, (void)allocator;
  *out = 1;
  return 0;
}

static const char *const nothing[] = {
  "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandPool", "vkResetCommandBuffer",
  "vkDestroyCommandPool", "vkFreeCommandBuffers",
  "vkQueueSubmit", "vkQueueSubmit2", "vkQueueSubmit2KHR", "vkQueueWaitIdle", "vkDeviceWaitIdle",
  "vkGetFenceStatus", "vkWaitForFences", "vkResetFences", "vkDestroyFence",
  "vkUpdateDescriptorSets", "vkUpdateDescriptorSetWithTemplate",
  "vkFreeMemory", "vkUnmapMemory", "vkBindBufferMemory", "vkBindBufferMemory2",
  "vkFlushMappedMemoryRanges", "vkInvalidateMappedMemoryRanges", NULL,
};

static int is(const char *name, const char *other) { return strcmp(name, other) == 0; }
static int starts(const char *name, const char *with) { return strncmp(name, with, strlen(with)) == 0; }

static Function replaced(const char *name) {
  if (starts(name, "vkCmd")) return (Function)succeed;
  for (int i = 0; nothing[i]; i++) if (is(name, nothing[i])) return (Function)succeed;
  if (is(name, "vkCreateFence")) return (Function)createFence;
  if (is(name, "vkAllocateMemory")) return (Function)allocate;
  if (is(name, "vkMapMemory")) return (Function)map;
  return NULL;
}

static Function deviceFunction(void *device, const char *name) {
  if (is(name, "vkGetDeviceProcAddr")) return (Function)deviceFunction;
  Function own = replaced(name), theirs = driverDevice(device, name);
  if (own) return own;
  if (theirs && is(name, "vkGetBufferMemoryRequirements")) {
    driverRequirements = (void (*)(void *, uint64_t, MemoryRequirements *))theirs;
    return (Function)requirements;
  }
  if (theirs && starts(name, "vkGetBufferMemoryRequirements2")) {
    driverRequirements2 = (void (*)(void *, const void *, Header *))theirs;
    return (Function)requirements2;
  }
  return theirs;
}

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  load();
  Function theirs = driverInstance(instance, name);
  if (!instance || !theirs) return theirs;
  if (is(name, "vkGetDeviceProcAddr")) {
    driverDevice = (Lookup)theirs;
    return (Function)deviceFunction;
  }
  if (is(name, "vkGetPhysicalDeviceMemoryProperties")) return (Function)memoryProperties;
  if (starts(name, "vkGetPhysicalDeviceMemoryProperties2")) return (Function)memoryProperties2;
  Function own = replaced(name);
  return own ? own : theirs;
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  load();
  int (*theirs)(uint32_t *) = (int (*)(uint32_t *))dlsym(driver, "vk_icdNegotiateLoaderICDInterfaceVersion");
  return theirs(version);
}

Function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  load();
  Lookup theirs = (Lookup)dlsym(driver, "vk_icdGetPhysicalDeviceProcAddr");
  return theirs ? theirs(instance, name) : NULL;
}
