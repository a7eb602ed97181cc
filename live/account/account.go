// Package account is which AWS account things reach: credentials for each
// account by STS, who they belong to, and the account of every AWS provider
// instance of a plan.
//
// It knows the AWS SDK's chain of credentials and the provider blocks of
// hashicorp/aws and hashicorp/awscc. It starts no process, reads no state, and
// does not know what a run or an approval is. Providers of other clouds are
// outside it: it neither lists nor judges them.
package account

import "time"

// An Account is an account block of terrier.hcl.
type Account struct {
	Name string
	ID   string // twelve digits
	// Also are further account ids that its providers may reach.
	Also []string
	// PlanRole and ApplyRole are ARNs of roles; "" for none: the credentials
	// of the environment are used as they are.
	PlanRole, ApplyRole string
	// Duration is how long a role's credentials live: 0 for the hour that STS
	// gives, else from 15 minutes to 12 hours.
	Duration   time.Duration
	ExternalID string // of the role's trust policy, "" for none
}
