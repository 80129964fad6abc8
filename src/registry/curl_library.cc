// SPDX-License-Identifier: Apache-2.0
#include "registry/curl_library.h"

#include <dlfcn.h>

#include <string>

namespace supermachine::registry {
namespace {

constexpr const char* kFile = "libcurl.so.4";

struct Loaded {
  Curl curl{};
  std::string error;  // empty when all is there
};

template <typename Function>
void find(void* library, const char* name, Function& function, std::string& error) {
  function = reinterpret_cast<Function>(::dlsym(library, name));  // what dlsym is for
  if (function == nullptr && error.empty()) error = std::string(kFile) + " has no " + name;
}

Loaded load() {
  Loaded out;
  // Never closed: its threads and OpenSSL's would have to end first.
  void* library = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    out.error =
        std::string("cannot load ") + kFile + "; install libcurl4 (apt-get install libcurl4)";
    return out;
  }
  decltype(&::curl_global_init) global_init = nullptr;
  find(library, "curl_global_init", global_init, out.error);
  find(library, "curl_easy_init", out.curl.easy_init, out.error);
  find(library, "curl_easy_cleanup", out.curl.easy_cleanup, out.error);
  find(library, "curl_easy_reset", out.curl.easy_reset, out.error);
  find(library, "curl_easy_setopt", out.curl.easy_setopt, out.error);
  find(library, "curl_easy_perform", out.curl.easy_perform, out.error);
  find(library, "curl_easy_getinfo", out.curl.easy_getinfo, out.error);
  find(library, "curl_easy_strerror", out.curl.easy_strerror, out.error);
  find(library, "curl_slist_append", out.curl.slist_append, out.error);
  find(library, "curl_slist_free_all", out.curl.slist_free_all, out.error);
  find(library, "curl_url", out.curl.url, out.error);
  find(library, "curl_url_cleanup", out.curl.url_cleanup, out.error);
  find(library, "curl_url_set", out.curl.url_set, out.error);
  find(library, "curl_url_get", out.curl.url_get, out.error);
  find(library, "curl_free", out.curl.free, out.error);
  if (out.error.empty() && global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    out.error = std::string(kFile) + " cannot be initialised";
  }
  return out;
}

}  // namespace

Result<const Curl*> load_curl() {
  static const Loaded kLoaded = load();
  if (!kLoaded.error.empty()) return Error(Errc::kUnsupported, kLoaded.error);
  return &kLoaded.curl;
}

}  // namespace supermachine::registry
