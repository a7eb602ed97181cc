package change

// An Entry is one line of a list of breaking changes, and the kinds that find
// it here.
type Entry struct {
	Text  string
	Kinds []Kind
}

// AVM is TFNFR35, "Reviewing Potential Breaking Changes", of the Azure Verified
// Modules (azure.github.io/Azure-Verified-Modules/spec/TFNFR35), in short. It
// asks for a review of each, and says that they are very likely to break, not
// that they always do. Where a provider's schema would be needed, which no
// file of a module has, every new argument is named.
var AVM = []Entry{
	{"a new resource that is created by default", []Kind{ResourceAdded, CallAdded}},
	{"a new argument with a value other than the provider's default", []Kind{ResourceNewArgument}},
	{"a new nested block that is there by default", []Kind{ResourceNewArgument}},
	{"a resource renamed without moved blocks", []Kind{ResourceRenamed, ResourceType, ResourceRemoved, CallRenamed, CallRemoved}},
	{"count changed to for_each, or the reverse", []Kind{ResourceInstances, CallInstances}},
	{"a variable deleted or renamed", []Kind{VariableRemoved, VariableRenamed}},
	{"a variable's type", []Kind{VariableType, VariableTypeDefault}},
	{"a variable's default", []Kind{VariableDefault, VariableRequired}},
	{"a variable's nullable to false", []Kind{VariableNullable}},
	{"a variable's sensitive from false to true", []Kind{VariableSensitive}},
	{"a new variable without default", []Kind{VariableAdded}},
	{"an output deleted", []Kind{OutputRemoved, OutputRenamed}},
	{"an output's value", []Kind{OutputValue, OutputShape}},
	{"an output's sensitive", []Kind{OutputSensitive}},
}
