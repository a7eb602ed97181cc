package change

import (
	"maps"
	"slices"
)

// The kinds of changes.
const (
	VariableAdded         Kind = "variable-added"
	VariableRemoved       Kind = "variable-removed"
	VariableRenamed       Kind = "variable-renamed"
	VariableType          Kind = "variable-type"
	VariableTypeDefault   Kind = "variable-type-default"
	VariableRequired      Kind = "variable-required"
	VariableOptional      Kind = "variable-optional"
	VariableDefault       Kind = "variable-default"
	VariableNullable      Kind = "variable-nullable"
	VariableSensitive     Kind = "variable-sensitive"
	VariableEphemeral     Kind = "variable-ephemeral"
	VariableConst         Kind = "variable-const"
	VariableDeprecated    Kind = "variable-deprecated"
	ValidationAdded       Kind = "validation-added"
	ValidationRemoved     Kind = "validation-removed"
	ValidationChanged     Kind = "validation-changed"
	OutputAdded           Kind = "output-added"
	OutputRemoved         Kind = "output-removed"
	OutputRenamed         Kind = "output-renamed"
	OutputValue           Kind = "output-value"
	OutputShape           Kind = "output-shape"
	OutputSensitive       Kind = "output-sensitive"
	OutputEphemeral       Kind = "output-ephemeral"
	OutputDeprecated      Kind = "output-deprecated"
	DescriptionChanged    Kind = "description"
	RequiredVersion       Kind = "required-version"
	ProviderAdded         Kind = "provider-added"
	ProviderRemoved       Kind = "provider-removed"
	ProviderSource        Kind = "provider-source"
	ProviderVersion       Kind = "provider-version"
	ProviderAlias         Kind = "provider-alias"
	ProviderConfiguration Kind = "provider-configuration"
	BackendAdded          Kind = "backend-added"
	BackendRemoved        Kind = "backend-removed"
	ResourceAdded         Kind = "resource-added"
	ResourceRemoved       Kind = "resource-removed"
	ResourceRenamed       Kind = "resource-renamed"
	ResourceMoved         Kind = "resource-moved"
	ResourceType          Kind = "resource-type"
	ResourceInstances     Kind = "resource-instances"
	ResourceArgument      Kind = "resource-argument"
	ResourceNewArgument   Kind = "resource-new-argument"
	PreventDestroy        Kind = "prevent-destroy"
	CallAdded             Kind = "call-added"
	CallRemoved           Kind = "call-removed"
	CallRenamed           Kind = "call-renamed"
	CallMoved             Kind = "call-moved"
	CallInstances         Kind = "call-instances"
	CallSource            Kind = "call-source"
	CallVersion           Kind = "call-version"
	CallArgument          Kind = "call-argument"
	LocalChanged          Kind = "local"
	MovedDropped          Kind = "moved-dropped"
	OtherChanged          Kind = "other-block"
	SubmoduleAdded        Kind = "submodule-added"
	SubmoduleRemoved      Kind = "submodule-removed"
	SubmoduleRenamed      Kind = "submodule-renamed"
	FileChanged           Kind = "file"
)

// Docs says in a line what each kind is, and why it has its levels.
var Docs = map[Kind]string{
	VariableAdded:         "a variable is new: major without a default, since no call passes it; else minor",
	VariableRemoved:       "a variable is gone: a call that passes it is an error (major)",
	VariableRenamed:       "a variable has another name, by its uses or its description (major)",
	VariableType:          "a variable's type: major where a value no longer converts or is read in part; else minor",
	VariableTypeDefault:   "the default of an optional attribute (minor)",
	VariableRequired:      "a variable has lost its default: a call has to pass it (major)",
	VariableOptional:      "a variable has got a default (minor)",
	VariableDefault:       "a variable's default: calls that pass nothing get another plan (minor)",
	VariableNullable:      "nullable: major where null is refused, for want of a default; else minor",
	VariableSensitive:     "sensitive: major where it becomes so, since all that is made of it does; else minor",
	VariableEphemeral:     "ephemeral: major where it is no longer so, and an ephemeral value is an error; else minor",
	VariableConst:         "const: major where it becomes so, and only what is static can be passed; else minor",
	VariableDeprecated:    "a variable is marked deprecated (minor)",
	ValidationAdded:       "a validation is new: a value that was taken may be refused (major)",
	ValidationRemoved:     "a validation is gone (minor)",
	ValidationChanged:     "a validation's condition: major where it may refuse more, minor where it certainly takes more; of its message alone patch",
	OutputAdded:           "an output is new (minor)",
	OutputRemoved:         "an output is gone: a caller that reads it is an error (major)",
	OutputRenamed:         "an output has another name, by its value (major)",
	OutputValue:           "an output's expression (patch)",
	OutputShape:           "an output that was a list is a map, or the reverse (major)",
	OutputSensitive:       "sensitive: major where it becomes so, since a root output made of it is an error; else minor",
	OutputEphemeral:       "ephemeral: major where it becomes so; else minor",
	OutputDeprecated:      "an output is marked deprecated (minor)",
	DescriptionChanged:    "a description (patch)",
	RequiredVersion:       "required_version: major where it excludes a version that it allowed; else minor",
	ProviderAdded:         "a provider is new: stacks have to install and configure it (major)",
	ProviderRemoved:       "a provider is no longer needed (patch)",
	ProviderSource:        "a provider comes from elsewhere (major)",
	ProviderVersion:       "a provider's constraint: major where it excludes a major release, or newer versions, that it allowed; a higher minimum within one minor, since init -upgrade takes it; else minor",
	ProviderAlias:         "configuration_aliases: a call's providers have to follow (major)",
	ProviderConfiguration: "a provider block: major where one appears (a call can have no count, for_each or depends_on any more) or goes; else patch",
	BackendAdded:          "a backend appears: terraform ignores it in a called module, with a warning (minor)",
	BackendRemoved:        "a backend is gone (patch)",
	ResourceAdded:         "a resource is new (minor); a data source patch",
	ResourceRemoved:       "a resource is gone: terraform destroys it (major); with removed { destroy = false } it is forgotten (minor); a data source patch",
	ResourceRenamed:       "a resource has another name and no moved block: destroyed and created (major)",
	ResourceMoved:         "a moved block leads a resource to its new address (patch)",
	ResourceType:          "a resource has another type and no moved block: destroyed and created (major)",
	ResourceInstances:     "count, for_each: major where terraform destroys and creates; else patch, for a new for_each expression minor",
	ResourceArgument:      "an argument or nested block of a resource changed or is gone (patch)",
	ResourceNewArgument:   "an argument or nested block of a resource is new: minor, patch where it is off by default",
	PreventDestroy:        "prevent_destroy is dropped or set (minor)",
	CallAdded:             "a module call is new (minor)",
	CallRemoved:           "a module call is gone: terraform destroys what is in it (major); see resource-removed",
	CallRenamed:           "a module call has another name and no moved block (major)",
	CallMoved:             "a moved block leads a module call to its new address (patch)",
	CallInstances:         "count, for_each of a module call: as of a resource, but that terraform moves nothing by itself",
	CallSource:            "a module call takes another module (major); the same from elsewhere patch",
	CallVersion:           "a module call takes another version (patch: its own diff tells more)",
	CallArgument:          "what a module call passes (patch)",
	LocalChanged:          "a local (patch)",
	MovedDropped:          "a moved block is gone: who comes from before it destroys and creates (minor)",
	OtherChanged:          "a check, import or another block (patch)",
	SubmoduleAdded:        "a submodule is new (minor)",
	SubmoduleRemoved:      "a submodule is gone: who calls it cannot (major)",
	SubmoduleRenamed:      "a submodule has another directory: who calls it cannot (major); its changes follow",
	FileChanged:           "another file of the module, such as a template (patch)",
}

// Kinds returns all kinds, sorted.
func Kinds() []Kind { return slices.Sorted(maps.Keys(Docs)) }
